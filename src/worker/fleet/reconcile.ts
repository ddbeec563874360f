import { pause } from "../../shared/pause.ts";
import { expireCommands } from "../../shared/redis/commands.ts";
import { readSession, type SessionRecord, sessionsOfWorker } from "../../shared/redis/sessions.ts";
import { holdsLease } from "../../shared/redis/workers.ts";
import type { WorkerContext } from "../context.ts";
import { type ListedContainer, listContainers, removeContainer } from "../session/container.ts";
import { CONTAINER_GONE, ENGINE_GONE } from "../session/session.ts";
import { adopt, endWithoutContainer, type Sessions, startSession } from "../session/start.ts";

const RECONCILE_MS = 10_000;

/**
 * Compares what the engine has with what Redis says, again and again: from this, and not from timers in memory, comes that
 * nothing leaks. The first round, right after the lease was taken, adopts what an earlier process left. An engine that has
 * been away for too long counts as gone: by then the agents have ended themselves.
 */
export async function keepReconciled(ctx: WorkerContext, sessions: Sessions): Promise<void> {
  do {
    try {
      if (ctx.engine.awayMs() > ctx.config.engineGoneSeconds * 1000) await loseAll(ctx, sessions);
      await expireUnattended(ctx, sessions);
      await reconcile(ctx, sessions);
    } catch (error) {
      ctx.log.warn({ err: error }, "could not reconcile; trying again");
    }
  } while (await pause(RECONCILE_MS, ctx.signal));
}

/** The sessions that this worker has claimed and that do not run here: to be started, adopted or ended. */
async function unattended(
  ctx: WorkerContext,
  sessions: Sessions,
  claimed: string[],
): Promise<{ sessionId: string; record: SessionRecord | undefined }[]> {
  const waiting = claimed.filter((id) => !sessions.live.has(id) && !sessions.starting.has(id));
  return Promise.all(
    waiting.map(async (sessionId) => ({
      sessionId,
      record: await readSession(ctx.redis, ctx.keys, sessionId),
    })),
  );
}

async function loseAll(ctx: WorkerContext, sessions: Sessions): Promise<void> {
  await Promise.all([...sessions.live.values()].map((session) => session.lose(ENGINE_GONE)));
  const claimed = await sessionsOfWorker(ctx.redis, ctx.keys, ctx.tenure.workerId);
  for (const { sessionId, record } of await unattended(ctx, sessions, claimed)) {
    if (isOpen(record)) await endWithoutContainer(ctx, sessionId, record, ENGINE_GONE);
  }
}

/** What waited too long where no runner could see it: the session could not be adopted, as while the engine is away. */
async function expireUnattended(ctx: WorkerContext, sessions: Sessions): Promise<void> {
  const claimed = await sessionsOfWorker(ctx.redis, ctx.keys, ctx.tenure.workerId);
  for (const { sessionId, record } of await unattended(ctx, sessions, claimed)) {
    if (!record) continue;
    const session = { sessionId, epoch: record.epoch };
    await expireCommands(ctx.redis, ctx.keys, ctx.tenure, session, ctx.config.retentionSeconds);
  }
}

async function reconcile(ctx: WorkerContext, sessions: Sessions): Promise<void> {
  // Claims are read before containers: what is claimed in between has no container yet and is not taken for lost.
  const claimed = await sessionsOfWorker(ctx.redis, ctx.keys, ctx.tenure.workerId);
  const liveBefore = [...sessions.live.values()];
  const containers = await listContainers(ctx);

  const present = new Set(containers.map(({ id }) => id));
  await Promise.all(
    liveBefore
      .filter(({ container }) => !present.has(container.id))
      .map((session) => session.lose(CONTAINER_GONE)),
  );

  const adopted = new Set<string>();
  for (const container of containers) {
    if (await place(ctx, sessions, container)) adopted.add(container.sessionId);
  }

  for (const { sessionId, record } of await unattended(ctx, sessions, claimed)) {
    if (adopted.has(sessionId)) continue;
    if (record?.state === "Creating") void startSession(ctx, sessions, sessionId);
    else if (isOpen(record)) await endWithoutContainer(ctx, sessionId, record, CONTAINER_GONE);
    else await ctx.redis.srem(ctx.keys.workerSessions(ctx.tenure.workerId), sessionId);
  }
}

function isOpen(record: SessionRecord | undefined): record is SessionRecord {
  return record?.state === "Open" || record?.state === "Closing";
}

/** Adopts the container of a session that does not run here yet, or removes it where it belongs to none. Returns which. */
async function place(ctx: WorkerContext, sessions: Sessions, container: ListedContainer): Promise<boolean> {
  const { id, sessionId, running } = container;
  if (sessions.live.get(sessionId)?.container.id === id || sessions.starting.has(sessionId)) return false;
  const record = await readSession(ctx.redis, ctx.keys, sessionId);
  const ours = record?.owner === ctx.tenure.workerId && record.containerId === id;
  // One that ended and was not removed, as with its engine, has nothing left to adopt.
  if (ours && isOpen(record) && running) {
    await adopt(ctx, sessions, container, record).catch((error: unknown) => {
      ctx.log.warn({ err: error, sessionId }, "a session could not be adopted; trying again");
    });
    return true;
  }
  // Asked each time: a process that was stopped for a while may no longer be this worker.
  if (await holdsLease(ctx.redis, ctx.keys, ctx.tenure)) {
    ctx.log.info({ sessionId, containerId: id }, "removing a container that belongs to no session");
    await removeContainer(ctx, id);
  }
  return false;
}
