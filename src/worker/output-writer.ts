import type { Outcome } from "../shared/protocol/outcomes.ts";
import type { AppendResult, LogChunk } from "../shared/redis/output.ts";

/** Stores a batch; throws when Redis could not be reached or refused. */
export type StoreBatch = (chunks: LogChunk[], outcome: Outcome | undefined) => Promise<AppendResult>;

export interface OutputWriter {
  push: (chunk: LogChunk) => void;
  /** The last call: stores what is left and the outcome with it. */
  end: (outcome: Outcome) => void;
  /** Nobody will store more: the command has been ended by others. */
  abandon: () => void;
  /** Where the stored log ends. */
  storedOffset: () => number;
  /** Resolves once the outcome is stored, or when the worker has lost the session or the command has ended otherwise. */
  done: Promise<AppendResult>;
}

/**
 * Brings output into Redis in order, one call at a time; what comes meanwhile goes with the next. How much that can be is
 * bounded by the agent's window, since `onStored` (the acknowledgement) follows the call. A call that fails is made again
 * until it succeeds or the worker ends (`signal`).
 */
export function createOutputWriter(
  store: StoreBatch,
  onStored: (offset: number) => void,
  startOffset: number,
  retryMs: number,
  signal: AbortSignal,
): OutputWriter {
  let waiting: LogChunk[] = [];
  let outcome: Outcome | undefined;
  let stored = startOffset;
  let writing = false;
  let settle: (result: AppendResult) => void = () => {};
  const done = new Promise<AppendResult>((resolve) => {
    settle = resolve;
  });

  /** One attempt; undefined when it failed. */
  async function attempt(chunks: LogChunk[], end: Outcome | undefined): Promise<AppendResult | undefined> {
    if (signal.aborted) return { status: "fenced" };
    return store(chunks, end).catch(() => undefined);
  }

  async function drain(): Promise<void> {
    // What else arrived in the same read, an end above all, goes out in the same call.
    await Promise.resolve();
    while (waiting.length > 0 || outcome) {
      const chunks = waiting;
      const end = outcome;
      waiting = [];
      const result = await attempt(chunks, end);
      if (!result) {
        // With what came meanwhile: a full Redis refuses output that waits, but not an end.
        waiting = [...chunks, ...waiting];
        await new Promise((resolve) => setTimeout(resolve, retryMs));
        continue;
      }
      if (result.status !== "stored" || end) {
        settle(result);
        return;
      }
      const last = chunks.at(-1);
      if (last) {
        stored = Math.max(stored, last.offset + last.bytes.length);
        onStored(stored);
      }
    }
    writing = false;
  }

  function wake(): void {
    if (writing) return;
    writing = true;
    void drain();
  }

  return {
    push: (chunk) => {
      waiting.push(chunk);
      wake();
    },
    end: (given) => {
      outcome = given;
      wake();
    },
    abandon: () => settle({ status: "ended" }),
    storedOffset: () => stored,
    done,
  };
}
