import { once } from "node:events";
import { WebSocket } from "ws";
import { z } from "zod";
import { METHODS, type MethodName, type MethodResult } from "../../src/shared/protocol/methods.ts";

/** A JSON object as it came over the wire; tests look into it with `toMatchObject`. */
export type Json = Record<string, unknown>;

const RpcError = z.object({
  code: z.number(),
  message: z.string(),
  data: z
    .object({
      code: z.string(),
      fault: z.string(),
      retryable: z.boolean(),
      issues: z.array(z.object({ path: z.string(), reason: z.string() })).optional(),
    })
    .optional(),
});
export type RpcError = z.infer<typeof RpcError>;

const Message = z.object({ id: z.union([z.string(), z.number(), z.null()]).optional() }).loose();

const NotificationMessage = z.object({
  jsonrpc: z.literal("2.0"),
  method: z.string(),
  params: z.record(z.string(), z.unknown()),
});
export type Notification = z.infer<typeof NotificationMessage>;

/** Every answer is held against the schema that is published for it. */
const results: { [M in MethodName]: { parse: (answer: unknown) => MethodResult<M> } } = {
  initialize: METHODS.initialize.result,
  "language.list": METHODS["language.list"].result,
  "session.create": METHODS["session.create"].result,
  "session.execute": METHODS["session.execute"].result,
  "session.get": METHODS["session.get"].result,
  "session.list": METHODS["session.list"].result,
  "session.close": METHODS["session.close"].result,
  "execution.run": METHODS["execution.run"].result,
  "execution.status": METHODS["execution.status"].result,
  "execution.attach": METHODS["execution.attach"].result,
  "execution.detach": METHODS["execution.detach"].result,
  "execution.cancel": METHODS["execution.cancel"].result,
  "execution.input": METHODS["execution.input"].result,
  "execution.resize": METHODS["execution.resize"].result,
  "session.attach": METHODS["session.attach"].result,
  "session.detach": METHODS["session.detach"].result,
  "rpc.discover": METHODS["rpc.discover"].result,
};

/** What the server answered with an error object. */
export class RpcFailure extends Error {
  readonly error: RpcError;
  constructor(error: RpcError) {
    super(`${error.code} ${error.message}`);
    this.error = error;
  }
}

/** A plain JSON-RPC client over one WebSocket, written from the specification alone. */
export interface Client {
  socket: WebSocket;
  /** Every notification so far, in order. */
  notifications: Notification[];
  call: <M extends MethodName>(method: M, params?: Json) => Promise<MethodResult<M>>;
  /** Sends a frame as it is and resolves with the next message that answers no call of `call`. */
  raw: (frame: string | Buffer) => Promise<unknown>;
  /** Resolves when a notification (also an earlier one) fits. */
  until: (fits: (notification: Notification) => boolean) => Promise<Notification>;
  close: () => Promise<void>;
}

export async function connect(url: string, headers: Record<string, string> = {}): Promise<Client> {
  const socket = new WebSocket(url, { headers });
  const pending = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  const rawWaiters: ((value: unknown) => void)[] = [];
  const watchers = new Set<(notification: Notification) => void>();
  const notifications: Notification[] = [];
  // Far from the ids that tests send by hand.
  let nextId = 1_000_000;

  socket.on("message", (data) => {
    const received: unknown = JSON.parse(String(data));
    const notification = NotificationMessage.safeParse(received).data;
    if (notification) {
      notifications.push(notification);
      for (const watch of [...watchers]) watch(notification);
      return;
    }
    const message = Message.safeParse(received).data;
    const id = typeof message?.id === "number" ? message.id : -1;
    const call = pending.get(id);
    if (!message || !call) {
      rawWaiters.shift()?.(received);
      return;
    }
    pending.delete(id);
    if (message.error) call.reject(new RpcFailure(RpcError.parse(message.error)));
    else call.resolve(message.result);
  });
  socket.on("close", (code) => {
    for (const { reject } of pending.values()) reject(new Error(`the connection closed (${code})`));
    pending.clear();
  });
  await once(socket, "open");

  return {
    socket,
    notifications,
    call: async (method, params) => {
      const answer = await new Promise<unknown>((resolve, reject) => {
        const id = nextId++;
        pending.set(id, { resolve, reject });
        socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, ...(params && { params }) }));
      });
      return results[method].parse(answer);
    },
    raw: (frame) =>
      new Promise((resolve) => {
        rawWaiters.push(resolve);
        socket.send(frame, { binary: false });
      }),
    until: (fits) =>
      new Promise((resolve) => {
        const earlier = notifications.find(fits);
        if (earlier) return resolve(earlier);
        const watch = (notification: Notification) => {
          if (!fits(notification)) return;
          watchers.delete(watch);
          resolve(notification);
        };
        watchers.add(watch);
      }),
    close: async () => {
      if (socket.readyState === WebSocket.CLOSED) return;
      socket.close();
      await once(socket, "close");
    },
  };
}

/** The error that a call is answered with; fails when it succeeds. */
export async function failureOf(call: Promise<unknown>): Promise<RpcError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof RpcFailure) return error.error;
    throw error;
  }
  throw new Error("the call succeeded");
}
