import { pause } from "../../shared/pause.ts";
import { listenForBells } from "../../shared/redis/bell.ts";
import { answerQueue, closeWithin, commandQueue } from "../../shared/redis/queues.ts";
import type { WorkerContext } from "../context.ts";
import type { Sessions } from "../session/start.ts";

const LOOK_MS = 10_000;

/**
 * The bells of this worker say which session to look at. The quick one is published in the very call that accepts a
 * command, and may bring the command with it; the sure one is a job of the queue, which waits until a worker is there. Since both may get lost with Redis,
 * every session is also looked at every 10 s and after each reconnect. Returns how to stop.
 */
export function answerDoorbell(ctx: WorkerContext, sessions: Sessions): () => Promise<void> {
  const { workerId } = ctx.tenure;
  const worker = answerQueue(ctx.redis, ctx.keys, commandQueue(workerId), ctx.log, async (bell) => {
    sessions.live.get(bell.sessionId)?.ring(bell.commandId);
  });

  const lookEverywhere = () => {
    for (const session of sessions.live.values()) session.ring();
  };
  const quick = ctx.redis.duplicate();
  listenForBells(
    quick,
    ctx.keys,
    workerId,
    ({ sessionId, command }) => {
      const session = sessions.live.get(sessionId);
      if (command) session?.take(command);
      else session?.ring();
    },
    lookEverywhere,
  );

  ctx.redis.on("ready", lookEverywhere);
  void (async () => {
    while (await pause(LOOK_MS, ctx.signal)) lookEverywhere();
  })();
  return async () => {
    ctx.redis.off("ready", lookEverywhere);
    quick.disconnect();
    await closeWithin(worker, 1000);
  };
}
