import type { Redis } from "ioredis";
import { z } from "zod";
import type { Outcome } from "../protocol/outcomes.ts";
import { type Keys, TENANT } from "./keys.ts";
import { run, runBuffer, script } from "./script.ts";
import type { Tenure } from "./workers.ts";

/** One entry of a command's output; `seq` counts from 1 without holes. */
export type Chunk =
  | { seq: number; kind: "stdout" | "stderr"; offset: number; bytes: Buffer }
  /** Bytes that were lost on the way; normally there is none. */
  | { seq: number; kind: "gap"; offset: number; missingBytes: number };

const COLON = 0x3a;

/** An entry as it is stored: `o` or `e` (stdout, stderr), the offset, `:`, the bytes; `g` and the length for a gap. */
export function parseChunk(seq: number, entry: Buffer): Chunk {
  const colon = entry.indexOf(COLON);
  const offset = Number(entry.toString("latin1", 1, colon));
  const bytes = entry.subarray(colon + 1);
  const kind = String.fromCharCode(entry[0] ?? 0);
  if (kind === "g") return { seq, kind: "gap", offset, missingBytes: Number(bytes.toString("latin1")) };
  return { seq, kind: kind === "e" ? "stderr" : "stdout", offset, bytes };
}

/** What the agent sends: a part of the log of an execution. */
export interface LogChunk {
  stream: "stdout" | "stderr";
  offset: number;
  bytes: Buffer;
}

const appendScript = script("output-append");
const readScript = script("output-read");

const OutputReply = z.tuple([z.number(), z.array(z.instanceof(Buffer))]);

/** `pending`: how many commands of the session are not done. `ended`: the record was terminal already. */
export type AppendResult = { status: "stored"; pending: number } | { status: "fenced" | "ended" };

/**
 * Stores chunks and, when given, the end of a running command, in one atomic step that can be repeated.
 * `retentionSeconds` is the TTL of the record once it has ended.
 */
export async function appendOutput(
  redis: Redis,
  keys: Keys,
  tenure: Tenure,
  command: { sessionId: string; epoch: number; commandId: string },
  chunks: LogChunk[],
  outcome: Outcome | undefined,
  retentionSeconds: number,
): Promise<AppendResult> {
  const { sessionId, epoch, commandId } = command;
  const reply = await run(
    redis,
    appendScript,
    [keys.session(sessionId), keys.lease(tenure.workerId), keys.command(commandId), keys.output(commandId)],
    [
      keys.prefix,
      TENANT,
      sessionId,
      commandId,
      tenure.token,
      epoch,
      retentionSeconds,
      outcome ? JSON.stringify(outcome) : "",
      ...chunks.flatMap(({ stream, offset, bytes }) => [stream === "stdout" ? "o" : "e", offset, bytes]),
    ],
  );
  const [status, pending] = Array.isArray(reply) ? reply : [];
  if (status === "ok") return { status: "stored", pending: Number(pending) };
  return { status: status === "fenced" ? "fenced" : "ended" };
}

/**
 * Entries from `fromSeq` on, at most `count`; `base` is the seq of the first that is still there, so entries begin at
 * the larger of the two.
 */
export async function readOutput(
  redis: Redis,
  keys: Keys,
  commandId: string,
  fromSeq: number,
  count: number,
): Promise<{ base: number; chunks: Chunk[] }> {
  const reply = await runBuffer(
    redis,
    readScript,
    [keys.command(commandId), keys.output(commandId)],
    [fromSeq, count],
  );
  const [base, entries] = OutputReply.parse(reply);
  const from = Math.max(fromSeq, base);
  return { base, chunks: entries.map((entry, index) => parseChunk(from + index, entry)) };
}
