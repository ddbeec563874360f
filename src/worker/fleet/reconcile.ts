import { pause } from "../../shared/pause.ts";
import { readSession, sessionsOfWorker } from "../../shared/redis/sessions.ts";
import { holdsLease } from "../../shared/redis/workers.ts";
import type { WorkerContext } from "../context.ts";
import { listContainers, removeContainer } from "../session/container.ts";
import { adopt, endWithoutContainer, type Sessions, startSession } from "../session/start.ts";

const RECONCILE_MS = 10_000;
/** An engine that has been away for this long counts as gone: by then the agents have ended themselves. */
const ENGINE_GONE_MS = 11 * 60_000;

/**
 * Compares what the engine has with what Redis says, again and again: from this, and not from timers in memory, comes that
 * nothing leaks. The first round, right after the lease was taken, adopts what an earlier process left.
 */
export async function keepReconciled(ctx: WorkerContext, sessions: Sessions): Promise<void> {
  let engineSeenAt = performance.now();
  do {
    try {
      await reconcile(ctx, sessions, () => {
        engineSeenAt = performance.now();
      });
    } catch (error) {
      ctx.log.warn({ err: error }, "could not reconcile; trying again");
      if (performance.now() - engineSeenAt > ENGINE_GONE_MS) {
        for (const session of sessions.live.values()) void session.lose().catch(() => {});
      }
    }
  } while (await pause(RECONCILE_MS, ctx.signal));
}

async function reconcile(ctx: WorkerContext, sessions: Sessions, onEngineSeen: () => void): Promise<void> {
  // Claims are read before containers: what is claimed in between has no container yet and is not taken for lost.
  const claimed = await sessionsOfWorker(ctx.redis, ctx.keys, ctx.tenure.workerId);
  const liveBefore = [...sessions.live.values()];
  const containers = await listContainers(ctx);
  onEngineSeen();

  const present = new Set(containers.map(({ id }) => id));
  await Promise.all(
    liveBefore.filter(({ container }) => !present.has(container.id)).map((session) => session.lose()),
  );

  const adopted = new Set<string>();
  for (const container of containers) {
    const { id, sessionId } = container;
    if (sessions.live.get(sessionId)?.container.id === id || sessions.starting.has(sessionId)) continue;
    const record = await readSession(ctx.redis, ctx.keys, sessionId);
    const ours = record?.owner === ctx.tenure.workerId && record.containerId === id;
    if (record && ours && (record.state === "Open" || record.state === "Closing")) {
      adopted.add(sessionId);
      await adopt(ctx, sessions, container, record).catch((error: unknown) => {
        ctx.log.warn({ err: error, sessionId }, "a session could not be adopted; trying again");
      });
    } else if (await holdsLease(ctx.redis, ctx.keys, ctx.tenure)) {
      // Asked each time: a process that was stopped for a while may no longer be this worker.
      ctx.log.info({ sessionId, containerId: id }, "removing a container that belongs to no session");
      await removeContainer(ctx, id);
    }
  }

  for (const sessionId of claimed) {
    if (sessions.live.has(sessionId) || sessions.starting.has(sessionId) || adopted.has(sessionId)) continue;
    const record = await readSession(ctx.redis, ctx.keys, sessionId);
    if (record?.state === "Creating") void startSession(ctx, sessions, sessionId);
    else if (record?.state === "Open" || record?.state === "Closing")
      await endWithoutContainer(ctx, sessionId, record);
    else await ctx.redis.srem(ctx.keys.workerSessions(ctx.tenure.workerId), sessionId);
  }
}
