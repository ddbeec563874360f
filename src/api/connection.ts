import { setMaxListeners } from "node:events";
import type { Duplex } from "node:stream";
import type { RawData, WebSocket } from "ws";
import { ProtocolError } from "../shared/protocol/errors.ts";
import { createAttachments } from "./attachments.ts";
import type { Caller } from "./context.ts";
import { createJsonRpc, errorMessage } from "./json-rpc.ts";
import { MAX_BATCH_REQUESTS, MAX_MESSAGE_BYTES, MAX_REQUESTS_IN_FLIGHT } from "./limits.ts";
import { findMessageId } from "./message-id.ts";

/** Between two pings. A client that neither answered nor read anything in between is gone. */
const HEARTBEAT_MS = 30_000;
/** Unread bytes from which on a stream waits for the client. */
const BEHIND_BYTES = 1_048_576;
/** Unread bytes from which on nothing more is taken from the client. */
const STALLED_BYTES = 4 * 1_048_576;
const CLOSE_DEADLINE_MS = 1000;

/**
 * One client.
 *
 * open ⇄ stalled (too much unread: nothing is read from it until it has caught up)
 *   └──the client closes, a heartbeat is missed, or close()──▶ closed
 *
 * What it holds is bounded by the requests in flight and the bytes unread. That it closes ends no command.
 */
export interface Connection {
  closed: Promise<void>;
  /** Says that this node goes away (1012): the client finds another one. */
  close: () => void;
}

export type CallerDispatch = (method: string, params: unknown, caller: Caller) => Promise<unknown>;

export function openConnection(
  socket: WebSocket,
  stream: Duplex,
  dispatch: CallerDispatch,
  onUnexpected: (error: unknown, method: string) => void,
): Connection {
  const gone = new AbortController();
  // One for each request in flight.
  setMaxListeners(0, gone.signal);
  let inFlight = 0;
  let alive = true;
  let waiting: { caughtUp: Promise<void>; resolve: () => void } | undefined;

  const caller: Caller = {
    notify: (method, params) => {
      send(JSON.stringify({ jsonrpc: "2.0", method, params }));
      return caughtUp();
    },
    caughtUp,
    attachments: createAttachments(gone.signal),
    signal: gone.signal,
  };

  const rpc = createJsonRpc(countInFlight, MAX_BATCH_REQUESTS, onUnexpected);

  async function countInFlight(method: string, params: unknown): Promise<unknown> {
    if (inFlight >= MAX_REQUESTS_IN_FLIGHT) throw tooManyRequests();
    inFlight++;
    try {
      return await dispatch(method, params, caller);
    } finally {
      inFlight--;
    }
  }

  function send(text: string): void {
    if (gone.signal.aborted) return;
    gather();
    socket.send(text, onFlushed);
    if (socket.bufferedAmount > STALLED_BYTES) socket.pause();
  }

  /** What one turn of the event loop sends leaves in one system call. */
  function gather(): void {
    if (stream.writableCorked > 0) return;
    stream.cork();
    setImmediate(() => stream.uncork());
  }

  /** The client has read something. */
  function onFlushed(): void {
    alive = true;
    if (socket.bufferedAmount >= BEHIND_BYTES) return;
    if (socket.isPaused) socket.resume();
    waiting?.resolve();
    waiting = undefined;
  }

  function caughtUp(): Promise<void> | undefined {
    if (gone.signal.aborted || socket.bufferedAmount < BEHIND_BYTES) return undefined;
    if (!waiting) {
      let resolve = () => {};
      const promise = new Promise<void>((fulfil) => {
        resolve = fulfil;
      });
      waiting = { caughtUp: promise, resolve };
    }
    return waiting.caughtUp;
  }

  async function receive(data: RawData, isBinary: boolean): Promise<void> {
    alive = true;
    const message = toBuffer(data);
    if (isBinary) {
      send(
        errorMessage(
          null,
          new ProtocolError("PARSE_ERROR", "Send messages as text frames, not as binary ones."),
        ),
      );
    } else if (message.length > MAX_MESSAGE_BYTES) {
      send(errorMessage(findMessageId(message), tooLarge(message.length)));
    } else {
      const answer = await rpc.answer(message.toString("utf8"));
      if (answer !== undefined) send(answer);
    }
  }

  const heartbeat = setInterval(() => {
    if (!alive) return socket.terminate();
    alive = false;
    socket.ping();
  }, HEARTBEAT_MS);

  const closed = new Promise<void>((resolve) => {
    socket.on("close", () => {
      clearInterval(heartbeat);
      gone.abort();
      waiting?.resolve();
      resolve();
    });
  });
  socket.on("message", (data, isBinary) => {
    receive(data, isBinary).catch((error: unknown) => onUnexpected(error, "a message"));
  });
  socket.on("pong", () => {
    alive = true;
  });
  // A frame that is against the protocol or too large: ws closes the connection with the right code.
  socket.on("error", () => {});

  return {
    closed,
    close: () => {
      if (socket.readyState !== socket.OPEN) return;
      socket.close(1012, "the server restarts");
      setTimeout(() => socket.terminate(), CLOSE_DEADLINE_MS).unref();
    },
  };
}

function toBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}

function tooManyRequests(): ProtocolError {
  return new ProtocolError(
    "RATE_LIMITED",
    `This connection has ${MAX_REQUESTS_IN_FLIGHT} requests that wait for their answer, which is the most. Wait for one, or open another connection.`,
  );
}

function tooLarge(bytes: number): ProtocolError {
  return new ProtocolError(
    "LIMIT_EXCEEDED",
    `The message has ${bytes} bytes, at most ${MAX_MESSAGE_BYTES} are taken. Send a large file in parts: write_file with mode Append, or with an offset.`,
  );
}
