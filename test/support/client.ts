import { once } from "node:events";
import { WebSocket } from "ws";

/** A JSON object as it came over the wire; tests look into it with `toMatchObject`. */
export type Json = Record<string, unknown>;

export interface RpcError {
  code: number;
  message: string;
  data?: { code?: string; fault?: string; retryable?: boolean; issues?: { path: string; reason: string }[] };
}

/** What the server answered with an error object. */
export class RpcFailure extends Error {
  readonly error: RpcError;
  constructor(error: RpcError) {
    super(`${error.code} ${error.message}`);
    this.error = error;
  }
}

export interface Notification {
  method: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what came over the wire
  params: any;
}

/** A plain JSON-RPC client over one WebSocket, written from the specification alone. */
export interface Client {
  socket: WebSocket;
  /** Every notification so far, in order. */
  notifications: Notification[];
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what came over the wire
  call: (method: string, params?: Json) => Promise<any>;
  /** Sends a frame as it is and resolves with the next message that answers no call of `call`. */
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what came over the wire
  raw: (frame: string | Buffer) => Promise<any>;
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
  let nextId = 1;

  socket.on("message", (data) => {
    const message = JSON.parse(String(data));
    if (!Array.isArray(message) && message.method !== undefined) {
      notifications.push(message);
      for (const watch of [...watchers]) watch(message);
      return;
    }
    const call = Array.isArray(message) ? undefined : pending.get(message.id);
    if (!call) {
      rawWaiters.shift()?.(message);
      return;
    }
    pending.delete(message.id);
    if (message.error) call.reject(new RpcFailure(message.error));
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
    call: (method, params) =>
      new Promise((resolve, reject) => {
        const id = nextId++;
        pending.set(id, { resolve, reject });
        socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, ...(params && { params }) }));
      }),
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
