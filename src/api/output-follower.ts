import type { Redis } from "ioredis";
import type { Log } from "../shared/log.ts";
import { pause } from "../shared/pause.ts";
import { OUTCOMES, type StoredOutcome } from "../shared/protocol/outcomes.ts";
import { isTerminal } from "../shared/protocol/verdict.ts";
import { type CommandRecord, readCommand, readProgress } from "../shared/redis/commands.ts";
import type { CommandEvent } from "../shared/redis/events.ts";
import type { Keys } from "../shared/redis/keys.ts";
import type { Chunk } from "../shared/redis/output.ts";
import { READ_AGAIN_MS } from "./limits.ts";
import { createOutputCursor, type OutputCursor, type OutputSink } from "./output-cursor.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** Chunks out of events that wait for a slow client; what comes beyond is read from Redis when its turn comes. */
const MOST_HELD_BYTES = 262_144;
const MOST_HELD_CHUNKS = 256;
const RETRY_MS = 500;

/** How a command ended, with all that its answer needs beside the output. */
export interface CommandEnd {
  outcome: StoredOutcome;
  durationMs: number;
  /** The seq of the first chunk that is still stored. */
  base: number;
  /** The seq of the last one. */
  lastSeq: number;
  /** Whether output was dropped because of `maxOutputBytes`. */
  truncated: boolean;
}

export interface CommandRef {
  sessionId: string;
  commandId: string;
}

/**
 * Follows one command from its acceptance to its end:
 *
 * open (events are noted) ──follow──▶ delivering ⇄ waiting ──end seen and all output delivered──▶ done
 *
 * All output reaches the sink in order and once, or its loss is announced. An event that got lost only delays: while
 * nothing happens the record is read every 5 s, and after each reconnect.
 */
export interface OutputFollower {
  /** Until events arrive, see Subscription. */
  ready: Promise<void> | undefined;
  /** Undefined when the signal was aborted before the end. */
  follow: (sink: OutputSink, signal: AbortSignal) => Promise<CommandEnd | undefined>;
  /** Reads the record at once: the command may have gone on, or ended, before this follower was opened. */
  readAgain: () => void;
  close: () => void;
}

export interface FollowerContext {
  redis: Redis;
  keys: Keys;
  subscriptions: Subscriptions;
  log: Log;
}

export function openFollower(
  { redis, keys, subscriptions, log }: FollowerContext,
  { sessionId, commandId }: CommandRef,
  fromSeq = 1,
): OutputFollower {
  /** Chunks of consecutive seqs that came with events. */
  let held: Chunk[] = [];
  let heldBytes = 0;
  let lastSeq = fromSeq - 1;
  let ended: CommandEvent | CommandRecord | "gone" | undefined;
  let mustRead = false;
  let wake = () => {};

  const subscription = subscriptions.listen(sessionId, {
    onEvent: (event) => {
      if (event.type === "session" || event.commandId !== commandId) return;
      if (event.type === "output") {
        lastSeq = Math.max(lastSeq, event.seq);
        if (event.chunk) hold(event.chunk);
      } else if (isTerminal(event.state)) {
        lastSeq = Math.max(lastSeq, event.lastSeq ?? 0);
        ended ??= event;
      } else return;
      wake();
    },
    onGap: readAgain,
  });

  function readAgain(): void {
    mustRead = true;
    wake();
  }

  function hold(chunk: Chunk): void {
    const last = held.at(-1);
    if (last && chunk.seq !== last.seq + 1) return;
    const bytes = chunk.kind === "gap" ? 0 : chunk.bytes.length;
    if (held.length >= MOST_HELD_CHUNKS || heldBytes + bytes > MOST_HELD_BYTES) return;
    held.push(chunk);
    heldBytes += bytes;
  }

  /** What is held, from `next` on; nothing when `next` has to be fetched first. */
  function takeHeld(next: number): Chunk[] {
    const first = held[0];
    if (!first || first.seq > next) return [];
    const taken = held.slice(next - first.seq);
    held = [];
    heldBytes = 0;
    return taken;
  }

  async function readRecord(): Promise<void> {
    const progress = await readProgress(redis, keys, commandId);
    lastSeq = Math.max(lastSeq, progress?.lastSeq ?? 0);
    if (progress && !progress.ended) return;
    ended = (await readCommand(redis, keys, commandId)) ?? "gone";
  }

  /** Waits for an event. Returns false when none came in 5 s. */
  function nextEvent(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (happened: boolean) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", onEvent);
        wake = () => {};
        resolve(happened);
      };
      const onEvent = () => finish(true);
      const timer = setTimeout(() => finish(false), READ_AGAIN_MS);
      signal.addEventListener("abort", onEvent);
      wake = onEvent;
    });
  }

  return {
    ready: subscription.ready,
    readAgain,
    close: subscription.close,
    follow: async (sink, signal) => {
      const cursor = createOutputCursor(redis, keys, commandId, fromSeq, sink, signal);
      while (!signal.aborted) {
        try {
          const end = await goOn(cursor, signal);
          if (end) return end;
        } catch (error) {
          // Redis refused a read (it may be loading its data): what was accepted still gets its answer.
          log.warn({ err: error, commandId }, "a command could not be followed; trying again");
          await pause(RETRY_MS, signal);
        }
      }
      return undefined;
    },
  };

  /** Delivers what there is, or waits for more. Returns the end once all before it has been delivered. */
  async function goOn(cursor: OutputCursor, signal: AbortSignal): Promise<CommandEnd | undefined> {
    if (mustRead) {
      await readRecord();
      mustRead = false;
    }
    const chunks = takeHeld(cursor.next());
    for (const chunk of chunks) {
      const slow = cursor.deliver(chunk);
      if (slow) await slow;
      if (signal.aborted) return undefined;
    }
    if (chunks.length > 0) return undefined;
    if (cursor.next() <= lastSeq) await cursor.fetch((held[0]?.seq ?? lastSeq + 1) - 1);
    else if (ended) return describeEnd(redis, keys, commandId, ended);
    else if (!mustRead) mustRead = !(await nextEvent(signal));
    return undefined;
  }
}

/** The end as an event tells it or, where that says too little, as the record does. */
async function describeEnd(
  redis: Redis,
  keys: Keys,
  commandId: string,
  ended: CommandEvent | CommandRecord | "gone",
): Promise<CommandEnd> {
  if (ended !== "gone" && "queuedAt" in ended) return endOfRecord(ended);
  if (ended !== "gone" && ended.durationMs !== undefined && !ended.resultInRecord) {
    return {
      outcome: ended,
      durationMs: ended.durationMs,
      base: ended.base ?? 1,
      lastSeq: ended.lastSeq ?? 0,
      truncated: ended.truncated === "1",
    };
  }
  const record = await readCommand(redis, keys, commandId);
  if (record) return endOfRecord(record);
  const error = "The record of the command is gone: Redis lost it, or its retention has ended.";
  return { outcome: { ...OUTCOMES.lost, error }, durationMs: 0, base: 1, lastSeq: 0, truncated: false };
}

/** How long it took: what the worker measured; else, for what ended without it, by the times in its record. */
export function endOfRecord(record: CommandRecord): CommandEnd {
  const began = Date.parse(record.startedAt ?? record.queuedAt);
  const byTimes = record.endedAt === undefined ? 0 : Date.parse(record.endedAt) - began;
  return {
    outcome: record,
    durationMs: record.durationMs ?? byTimes,
    base: record.base,
    lastSeq: record.lastSeq,
    truncated: record.truncated === "1",
  };
}
