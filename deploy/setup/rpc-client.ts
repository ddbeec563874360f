import { once } from "node:events";
import { WebSocket } from "ws";
import { z } from "zod";

/** One connection to the real API node, as any client would make it. */
export interface RpcClient {
  call(method: string, params: object): Promise<unknown>;
  onNotification(listener: (method: string, params: unknown) => void): void;
  close(): void;
}

const message = z.object({
  id: z.number().optional(),
  result: z.unknown().optional(),
  error: z.object({ code: z.number(), message: z.string() }).optional(),
  method: z.string().optional(),
  params: z.unknown().optional(),
});
const callDeadlineMs = 60_000;

/** Connects; `apiKey` is sent where the node asks for one. */
export async function connectRpc(url: string, apiKey: string | undefined): Promise<RpcClient> {
  const socket = new WebSocket(url, { headers: apiKey ? { authorization: `Bearer ${apiKey}` } : {} });
  await once(socket, "open");
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  const listeners: ((method: string, params: unknown) => void)[] = [];
  let lastId = 0;

  socket.on("message", (data) => {
    const received = message.parse(JSON.parse(data.toString()));
    if (received.method !== undefined) {
      for (const listener of listeners) listener(received.method, received.params);
      return;
    }
    const call = waiting.get(received.id ?? -1);
    waiting.delete(received.id ?? -1);
    if (received.error) call?.reject(new Error(received.error.message));
    else call?.resolve(received.result);
  });
  socket.on("error", () => undefined);
  socket.on("close", () => {
    for (const call of waiting.values()) call.reject(new Error("the connection was closed"));
  });

  return {
    call(method, params) {
      lastId += 1;
      const id = lastId;
      return new Promise((resolve, reject) => {
        const late = () => reject(new Error(`${method}: no answer in ${callDeadlineMs / 1000} s`));
        const timer = setTimeout(late, callDeadlineMs);
        const settle =
          <T>(then: (value: T) => void) =>
          (value: T) => {
            clearTimeout(timer);
            then(value);
          };
        waiting.set(id, { resolve: settle(resolve), reject: settle(reject) });
        socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
      });
    },
    onNotification: (listener) => {
      listeners.push(listener);
    },
    close: () => socket.close(),
  };
}
