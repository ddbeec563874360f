import { answerQueue, closeWithin, commandQueue } from "../../shared/redis/queues.ts";
import { pause, type WorkerContext } from "../context.ts";
import type { Sessions } from "../session/start.ts";

const LOOK_MS = 10_000;

/**
 * The bell of this worker: each job says which session to look at. Since a bell may get lost, every session is also looked
 * at every 10 s and after each reconnect of Redis. Returns how to stop.
 */
export function answerDoorbell(ctx: WorkerContext, sessions: Sessions): () => Promise<void> {
  const worker = answerQueue(
    ctx.redis,
    ctx.keys,
    commandQueue(ctx.tenure.workerId),
    ctx.log,
    async (bell) => {
      sessions.live.get(bell.sessionId)?.ring();
    },
  );
  const lookEverywhere = () => {
    for (const session of sessions.live.values()) session.ring();
  };
  ctx.redis.on("ready", lookEverywhere);
  void (async () => {
    while (await pause(LOOK_MS, ctx.signal)) lookEverywhere();
  })();
  return async () => {
    ctx.redis.off("ready", lookEverywhere);
    await closeWithin(worker, 1000);
  };
}
