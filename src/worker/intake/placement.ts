import { answerQueue, type Bell, CREATE_QUEUE, closeWithin, openQueue } from "../../shared/redis/queues.ts";
import { claimSession } from "../../shared/redis/sessions.ts";
import type { WorkerContext } from "../context.ts";
import { type Sessions, startSession } from "../session/start.ts";

/** Containers that are started at once: more would only slow each other down. */
const STARTS_AT_ONCE = 4;

/**
 * Takes sessions from the shared queue while there is a free slot. A full worker pauses its consumer and puts the one job
 * back that still arrives, so that another worker finds it. Returns how to stop.
 */
export function takeSessions(ctx: WorkerContext, sessions: Sessions): () => Promise<void> {
  const queue = openQueue(ctx.redis, ctx.keys, CREATE_QUEUE);
  const claimed: string[] = [];
  let startingNow = 0;

  const taken = () => new Set([...sessions.live.keys(), ...sessions.starting, ...claimed]).size;

  function startNext(): void {
    while (startingNow < STARTS_AT_ONCE) {
      const sessionId = claimed.shift();
      if (sessionId === undefined) return;
      startingNow++;
      startSession(ctx, sessions, sessionId)
        .catch((error: unknown) => ctx.log.error({ err: error, sessionId }, "a session was not started"))
        .finally(() => {
          startingNow--;
          onPlaceFreed();
          startNext();
        });
    }
  }

  const worker = answerQueue(ctx.redis, ctx.keys, CREATE_QUEUE, ctx.log, async ({ sessionId }: Bell) => {
    if (taken() >= ctx.config.slots) {
      await worker.pause(true);
      // To the front, where it was.
      await queue.add("create", { sessionId }, { lifo: true });
      if (taken() < ctx.config.slots) worker.resume();
      return;
    }
    if (!(await claimSession(ctx.redis, ctx.keys, ctx.tenure, sessionId))) return;
    claimed.push(sessionId);
    startNext();
    if (taken() >= ctx.config.slots) void worker.pause(true);
  });

  function onPlaceFreed(): void {
    if (!ctx.signal.aborted && worker.isPaused() && taken() < ctx.config.slots) worker.resume();
  }
  sessions.onFreed = onPlaceFreed;

  return async () => {
    await closeWithin(worker, 1000);
    await closeWithin(queue, 1000);
  };
}
