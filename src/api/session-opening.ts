import { pause } from "../shared/pause.ts";
import { gatherWrites } from "../shared/redis/client.ts";
import { readSession, type SessionRecord } from "../shared/redis/sessions.ts";
import type { ApiContext } from "./context.ts";
import { READ_AGAIN_MS } from "./limits.ts";

/** Writes a session and, right behind it on the same connection, the first bell; then as ringUntilClaimed. */
export function createAndRing<T>(
  ctx: ApiContext,
  sessionId: string,
  create: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  gatherWrites(ctx.redis);
  const created = create();
  void ringUntilClaimed(ctx, sessionId, signal);
  return created;
}

/** Rings for a session that waits for a worker, now and every 5 s, until one has claimed it or `signal` is aborted. */
export async function ringUntilClaimed(
  ctx: ApiContext,
  sessionId: string,
  signal: AbortSignal,
): Promise<void> {
  ctx.bells.ringCreate(sessionId);
  do {
    await pause(READ_AGAIN_MS, signal);
    if (signal.aborted) return;
  } while (await ringWhileItWaits(ctx, sessionId));
}

/** Returns whether a session still waits for a worker. */
async function ringWhileItWaits(ctx: ApiContext, sessionId: string): Promise<boolean> {
  try {
    const session = await readSession(ctx.redis, ctx.keys, sessionId);
    if (session?.state !== "Creating" || session.owner !== undefined) return false;
    await ctx.bells.ringCreateAgain(sessionId);
    return true;
  } catch (error) {
    ctx.log.warn({ err: error, sessionId }, "a session that waits could not be read; trying again");
    return true;
  }
}

/**
 * Waits until a session is no longer `Creating`: each `happened` (an event, or a gap in them) and every 5 s its record is
 * read. Returns it as it is when the signal is aborted; undefined when it is gone.
 */
export async function untilOpened(
  ctx: ApiContext,
  sessionId: string,
  happened: Wakeup,
  signal: AbortSignal,
): Promise<SessionRecord | undefined> {
  while (true) {
    await happened.next(READ_AGAIN_MS, signal);
    const session = await readSession(ctx.redis, ctx.keys, sessionId);
    if (session?.state !== "Creating" || signal.aborted) return session;
  }
}

/** Remembers that something happened until somebody has looked. */
export interface Wakeup {
  wake: () => void;
  /** Waits for a wake since the last look, for `ms`, or for the signal. */
  next: (ms: number, signal: AbortSignal) => Promise<void>;
}

export function createWakeup(): Wakeup {
  let woken = new AbortController();
  return {
    wake: () => woken.abort(),
    next: async (ms, signal) => {
      await pause(ms, AbortSignal.any([signal, woken.signal]));
      woken = new AbortController();
    },
  };
}
