import { once } from "node:events";
import { WebSocket } from "ws";

/** A client that does as little as a client can: what is measured is the server. */
export interface Client {
  call: (method: string, params: object) => Promise<Answer>;
  close: () => Promise<void>;
}

/** What the benchmark reads of an answer. */
export interface Answer {
  sessionId: string;
  containerId: string;
  result: { exitCode: number | null };
}

interface Message {
  id: number;
  result?: Answer;
  error?: { message: string };
}

export async function connect(url: string): Promise<Client> {
  const socket = new WebSocket(url);
  const waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>();
  let lastId = 0;
  socket.on("message", (data) => {
    const { id, result, error }: Message = JSON.parse(String(data));
    const call = waiting.get(id);
    waiting.delete(id);
    if (result) call?.resolve(result);
    else call?.reject(new Error(error?.message ?? "the connection closed"));
  });
  socket.on("close", () => {
    for (const { reject } of waiting.values()) reject(new Error("the connection closed"));
  });
  await once(socket, "open");
  return {
    call: (method, params) =>
      new Promise((resolve, reject) => {
        const id = ++lastId;
        waiting.set(id, { resolve, reject });
        socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
      }),
    close: async () => {
      socket.close();
      await once(socket, "close");
    },
  };
}
