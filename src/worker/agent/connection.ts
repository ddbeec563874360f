import type { Duplex } from "node:stream";
import type { LogChunk } from "../../shared/redis/output.ts";
import { createFrameParser, encodeFrame, type Frame } from "./frames.ts";
import { AgentEnd, FRAME, HelloOk, type Plan, Refused, StartRefused } from "./messages.ts";

/** What comes from the agent about executions. */
export interface AgentListener {
  onOutput: (id: string, chunk: LogChunk) => void;
  onEnd: (id: string, end: AgentEnd) => void;
  onStartRefused: (id: string, refusal: StartRefused) => void;
  onInputTaken: (id: string, offset: number) => void;
}

/** One stream to an agent, after its hello. `closed` resolves when it is of no more use, for whatever reason. */
export interface AgentConnection {
  /** The executions that the agent knew at the hello. */
  known: ReadonlySet<string>;
  closed: Promise<void>;
  start: (id: string, plan: Plan) => void;
  resume: (id: string, offset: number) => void;
  acknowledge: (id: string, offset: number) => void;
  acknowledgeEnd: (id: string) => void;
  cancel: (id: string, signal: string, graceMs: number) => void;
  input: (id: string, offset: number, bytes: Buffer) => void;
  endInput: (id: string, offset: number) => void;
  resize: (id: string, columns: number, rows: number) => void;
  close: () => void;
}

/** The agent has seen a higher epoch: this worker is no longer the owner of the session. */
export class EpochRefused extends Error {}

/**
 * Nobody waits for the acknowledgement of an end: it goes with the next frame, or by itself after this time. Each frame of
 * its own wakes the engine, its shim and the agent, just when the client's next command comes.
 */
const ACK_END_MS = 20;
const HELLO_DEADLINE_MS = 10_000;
const PING_MS = 30_000;
/** Two pings without any frame in answer: the stream is dead, though nobody closed it. */
const SILENCE_MS = 65_000;

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function u64(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/**
 * Says hello on a stream that carries frames, and answers with the connection.
 * @throws EpochRefused, or Error when the agent does not answer in 10 s or speaks something else.
 */
export function connectAgent(
  stream: { duplex: Duplex; onBytes: (listener: (bytes: Buffer) => void) => void },
  epoch: number,
  listener: AgentListener,
): Promise<AgentConnection> {
  const { duplex } = stream;
  let lastHeard = performance.now();
  let welcomed = false;

  let held: Buffer[] = [];
  let holding: NodeJS.Timeout | undefined;

  const flush = () => {
    clearTimeout(holding);
    holding = undefined;
    const frames = held;
    held = [];
    const [first] = frames;
    if (!first || duplex.destroyed) return;
    duplex.write(frames.length === 1 ? first : Buffer.concat(frames));
  };
  const send = (type: number, id: string, payload?: Buffer) => {
    held.push(encodeFrame(type, id, payload));
    flush();
  };
  const sendLater = (type: number, id: string) => {
    held.push(encodeFrame(type, id));
    holding ??= setTimeout(flush, ACK_END_MS);
  };
  const close = () => duplex.destroy();

  return new Promise((resolve, reject) => {
    let resolveClosed = () => {};
    const closed = new Promise<void>((done) => {
      resolveClosed = done;
    });
    const fail = (error: Error) => {
      reject(error);
      close();
    };
    const deadline = setTimeout(() => fail(new Error("the agent did not answer hello")), HELLO_DEADLINE_MS);
    const heartbeat = setInterval(() => {
      if (performance.now() - lastHeard > SILENCE_MS) close();
      else send(FRAME.PING, "");
    }, PING_MS);

    const onFrame = (frame: Frame) => {
      lastHeard = performance.now();
      if (frame.type === FRAME.OUTPUT) {
        listener.onOutput(frame.id, {
          stream: frame.payload[0] === 2 ? "stderr" : "stdout",
          offset: Number(frame.payload.readBigUInt64BE(1)),
          bytes: frame.payload.subarray(9),
        });
      } else if (frame.type === FRAME.END) {
        listener.onEnd(frame.id, AgentEnd.parse(JSON.parse(frame.payload.toString("utf8"))));
      } else if (frame.type === FRAME.STDIN_TAKEN) {
        listener.onInputTaken(frame.id, Number(frame.payload.readBigUInt64BE(0)));
      } else if (frame.type === FRAME.START_REFUSED) {
        listener.onStartRefused(frame.id, StartRefused.parse(JSON.parse(frame.payload.toString("utf8"))));
      } else if (frame.type === FRAME.REFUSED) {
        const { reason } = Refused.parse(JSON.parse(frame.payload.toString("utf8")));
        fail(reason === "epoch" ? new EpochRefused(reason) : new Error(`the agent refused: ${reason}`));
      } else if (frame.type === FRAME.HELLO_OK && !welcomed) {
        const { executions } = HelloOk.parse(JSON.parse(frame.payload.toString("utf8")));
        clearTimeout(deadline);
        welcomed = true;
        resolve({
          known: new Set(executions.map(({ id }) => id)),
          closed,
          start: (id, plan) => send(FRAME.START, id, json(plan)),
          resume: (id, offset) => send(FRAME.RESUME, id, u64(offset)),
          acknowledge: (id, offset) => send(FRAME.ACK, id, u64(offset)),
          acknowledgeEnd: (id) => sendLater(FRAME.ACK_END, id),
          cancel: (id, signal, graceMs) => send(FRAME.CANCEL, id, json({ signal, graceMs })),
          input: (id, offset, bytes) => send(FRAME.STDIN, id, Buffer.concat([u64(offset), bytes])),
          endInput: (id, offset) => send(FRAME.STDIN_EOF, id, u64(offset)),
          resize: (id, columns, rows) => send(FRAME.RESIZE, id, json({ columns, rows })),
          close,
        });
      }
    };

    const parse = createFrameParser(onFrame);
    stream.onBytes((bytes) => {
      try {
        parse(bytes);
      } catch (error) {
        fail(error instanceof Error ? error : new Error(String(error)));
      }
    });
    duplex.on("error", (error: Error) => fail(error));
    duplex.once("end", close);
    duplex.once("close", () => {
      clearTimeout(deadline);
      clearInterval(heartbeat);
      clearTimeout(holding);
      reject(new Error("the stream to the agent ended"));
      resolveClosed();
    });
    send(FRAME.HELLO, "", json({ version: 1, epoch }));
  });
}
