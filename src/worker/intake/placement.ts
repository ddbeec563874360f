import { answerQueue, type Bell, CREATE_QUEUE, closeWithin, openQueue } from "../../shared/redis/queues.ts";
import { claimSession } from "../../shared/redis/sessions.ts";
import type { WorkerContext } from "../context.ts";
import { type Sessions, startSession } from "../session/start.ts";

/** Containers that are started at once: more would only slow each other down. */
const STARTS_AT_ONCE = 4;

/**
 * Takes sessions from the shared queue while there is a free slot and an engine to start them. A worker that can't take any
 * pauses its consumer and puts the one job back that still arrives, so that another worker finds it. Returns how to stop.
 */
export function takeSessions(ctx: WorkerContext, sessions: Sessions): () => Promise<void> {
  const queue = openQueue(ctx.redis, ctx.keys, CREATE_QUEUE);
  const claimed: string[] = [];
  let startingNow = 0;

  const taken = () => new Set([...sessions.live.keys(), ...sessions.starting, ...claimed]).size;
  const hasRoom = () => taken() < ctx.config.slots && ctx.engine.awayMs() === 0;

  function startNext(): void {
    while (startingNow < STARTS_AT_ONCE) {
      const sessionId = claimed.shift();
      if (sessionId === undefined) return;
      startingNow++;
      startSession(ctx, sessions, sessionId)
        .catch((error: unknown) => ctx.log.error({ err: error, sessionId }, "a session was not started"))
        .finally(() => {
          startingNow--;
          takeMore();
          startNext();
        });
    }
  }

  const worker = answerQueue(ctx.redis, ctx.keys, CREATE_QUEUE, ctx.log, async ({ sessionId }: Bell) => {
    if (!hasRoom()) {
      await worker.pause(true);
      // To the front, where it was.
      await queue.add("create", { sessionId }, { lifo: true });
      if (hasRoom()) worker.resume();
      return;
    }
    if (!(await claimSession(ctx.redis, ctx.keys, ctx.tenure, sessionId))) return;
    claimed.push(sessionId);
    startNext();
    if (!hasRoom()) void worker.pause(true);
  });

  function takeMore(): void {
    if (!ctx.signal.aborted && worker.isPaused() && hasRoom()) worker.resume();
  }
  sessions.onFreed = takeMore;
  ctx.engine.onChange((away) => {
    if (ctx.signal.aborted) return;
    if (away) void worker.pause(true);
    else takeMore();
  });

  return async () => {
    await closeWithin(worker, 1000);
    await closeWithin(queue, 1000);
  };
}
