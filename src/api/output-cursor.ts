import type { Redis } from "ioredis";
import { readProgress } from "../shared/redis/commands.ts";
import type { Keys } from "../shared/redis/keys.ts";
import { type Chunk, readOutput } from "../shared/redis/output.ts";

export type OutputChunk = Extract<Chunk, { kind: "stdout" | "stderr" }>;

/** Output from `fromSeq` to `toSeq` that can't be had any more. */
export interface OutputGap {
  fromSeq: number;
  toSeq: number;
  bytes?: number;
}

/** Takes output in order. A promise means: not so fast, wait for it before the next. */
export interface OutputSink {
  chunk: (chunk: OutputChunk) => Promise<void> | undefined;
  gap: (gap: OutputGap) => Promise<void> | undefined;
}

const FIRST_BATCH = 16;
const MOST_BATCH = 128;
const SMALL_BATCH_BYTES = 262_144;
const LARGE_BATCH_BYTES = 1_048_576;

/** A place in the output of one command: all before it has been delivered, nothing twice and nothing left out unsaid. */
export interface OutputCursor {
  /** The seq of the chunk that comes next. */
  next: () => number;
  /** Delivers the next chunk. */
  deliver: (chunk: Chunk) => Promise<void> | undefined;
  /** Reads one batch of what is stored up to `toSeq`, and delivers it. What is gone for good is announced as a gap. */
  fetch: (toSeq: number) => Promise<void>;
}

export function createOutputCursor(
  redis: Redis,
  keys: Keys,
  commandId: string,
  fromSeq: number,
  sink: OutputSink,
  signal: AbortSignal,
): OutputCursor {
  let next = fromSeq;
  let batch = FIRST_BATCH;

  function skip(toSeq: number): Promise<void> | undefined {
    const gap = { fromSeq: next, toSeq };
    next = toSeq + 1;
    return sink.gap(gap);
  }

  function deliver(chunk: Chunk): Promise<void> | undefined {
    next = chunk.seq + 1;
    if (chunk.kind !== "gap") return sink.chunk(chunk);
    return sink.gap({ fromSeq: chunk.seq, toSeq: chunk.seq, bytes: chunk.missingBytes });
  }

  /** Batches of about 1 MiB, whatever the size of the chunks. */
  function adaptBatch(chunks: Chunk[]): void {
    const bytes = chunks.reduce((sum, chunk) => sum + (chunk.kind === "gap" ? 0 : chunk.bytes.length), 0);
    if (bytes > LARGE_BATCH_BYTES) batch = FIRST_BATCH;
    else if (bytes < SMALL_BATCH_BYTES) batch = Math.min(batch * 2, MOST_BATCH);
  }

  return {
    next: () => next,
    deliver,
    fetch: async (toSeq) => {
      const count = Math.min(batch, toSeq - next + 1);
      const { base, chunks } = await readOutput(redis, keys, commandId, next, count);
      adaptBatch(chunks);
      if (base > next) await skip(base - 1);
      for (const chunk of chunks) {
        if (signal.aborted) return;
        const slow = deliver(chunk);
        if (slow) await slow;
      }
      if (chunks.length > 0 || base > toSeq) return;
      // Neither there nor dropped for a later one: what the record counts, and the list no longer has, is lost.
      const progress = await readProgress(redis, keys, commandId);
      const lastSeq = Math.min(toSeq, progress?.lastSeq ?? toSeq);
      if (lastSeq >= next) await skip(lastSeq);
      else next = toSeq + 1;
    },
  };
}
