import { once } from "node:events";
import { WebSocket } from "ws";
import { isJson, type Json } from "./json.ts";

/** What the server answered with an error object. */
export class RpcFailure extends Error {
  readonly error: Json;
  constructor(error: Json) {
    super(JSON.stringify(error));
    this.error = error;
  }
}

/** A client written from docs/protocol.md alone. */
export interface Client {
  socket: WebSocket;
  /** Every notification so far, in order. */
  notifications: Json[];
  /** The `result` of a request. @throws RpcFailure */
  call: (method: string, params?: Json) => Promise<unknown>;
  send: (message: unknown) => void;
  /** The next message that is no notification and answers no `call`. */
  next: () => Promise<unknown>;
  /** Resolves when a notification (also an earlier one) fits. */
  until: (fits: (method: string, params: Json) => boolean) => Promise<Json>;
  close: () => Promise<void>;
}

export function serverUrl(): string {
  const url = process.env.CODEBEAKER_URL;
  if (!url) throw new Error("CODEBEAKER_URL is missing");
  return url;
}

export function keyHeaders(): Record<string, string> {
  const key = process.env.CODEBEAKER_API_KEY;
  return key ? { Authorization: `Bearer ${key}` } : {};
}

export async function connect(): Promise<Client> {
  const socket = new WebSocket(serverUrl(), { headers: keyHeaders() });
  const calls = new Map<string, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  const received: unknown[] = [];
  const readers: ((message: unknown) => void)[] = [];
  const notifications: Json[] = [];
  const watchers = new Set<() => void>();
  let lastId = 0;

  function answered(message: Json): boolean {
    const call = typeof message.id === "string" ? calls.get(message.id) : undefined;
    if (!call) return false;
    calls.delete(String(message.id));
    if (isJson(message.error)) call.reject(new RpcFailure(message.error));
    else call.resolve(message.result);
    return true;
  }

  socket.on("message", (data) => {
    const message: unknown = JSON.parse(String(data));
    if (isJson(message) && typeof message.method === "string") {
      notifications.push(message);
      for (const watch of [...watchers]) watch();
    } else if (!isJson(message) || !answered(message)) {
      const reader = readers.shift();
      if (reader) reader(message);
      else received.push(message);
    }
  });
  socket.on("close", (code) => {
    for (const { reject } of calls.values()) reject(new Error(`the connection closed with ${code}`));
    calls.clear();
  });
  await once(socket, "open");

  return {
    socket,
    notifications,
    send: (message) => socket.send(typeof message === "string" ? message : JSON.stringify(message)),
    call: (method, params) =>
      new Promise((resolve, reject) => {
        const id = `call-${++lastId}`;
        calls.set(id, { resolve, reject });
        socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
      }),
    next: () =>
      new Promise((resolve) => {
        if (received.length > 0) resolve(received.shift());
        else readers.push(resolve);
      }),
    until: (fits) =>
      new Promise((resolve) => {
        const look = () => {
          const found = notifications.find(
            ({ method, params }) => isJson(params) && fits(String(method), params),
          );
          if (!found) return;
          watchers.delete(look);
          resolve(found);
        };
        watchers.add(look);
        look();
      }),
    close: async () => {
      if (socket.readyState === WebSocket.CLOSED) return;
      const closed = once(socket, "close");
      socket.close();
      await closed;
    },
  };
}

/** The error object that a call is answered with; fails when it succeeds. */
export async function errorOf(call: Promise<unknown>): Promise<Json> {
  try {
    await call;
  } catch (error) {
    if (error instanceof RpcFailure) return error.error;
    throw error;
  }
  throw new Error("the call succeeded");
}
