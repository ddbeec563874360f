import { pause } from "../../shared/pause.ts";
import { OUTCOMES } from "../../shared/protocol/outcomes.ts";
import { openCommands } from "../../shared/redis/commands.ts";
import {
  adoptSession,
  endSession,
  openSession,
  readSession,
  type SessionRecord,
  untilDeadlineMs,
} from "../../shared/redis/sessions.ts";
import { attachAgent, execAgent } from "../agent/docker-stream.ts";
import type { WorkerContext } from "../context.ts";
import {
  agentUidOf,
  createContainer,
  engineStatus,
  type ListedContainer,
  removeContainer,
} from "./container.ts";
import { createSession, type LiveSession } from "./session.ts";

const RETRY_MS = 1000;

/** The sessions of this worker, and the slots that their containers take. */
export interface Sessions {
  live: Map<string, LiveSession>;
  /** Sessions whose container is being made or adopted. */
  starting: Set<string>;
  slots: Set<number>;
  /** A place became free. */
  onFreed: () => void;
}

function register(sessions: Sessions, session: LiveSession): void {
  sessions.live.set(session.sessionId, session);
  session.ring();
}

function forget(sessions: Sessions, sessionId: string, slot: number): void {
  sessions.live.delete(sessionId);
  sessions.slots.delete(slot);
  sessions.onFreed();
}

/** One container for a claimed session, running and connected, and its record Open. */
async function tryOpen(
  ctx: WorkerContext,
  sessions: Sessions,
  sessionId: string,
  record: SessionRecord,
): Promise<"open" | "too late"> {
  const container = await createContainer(ctx, sessionId, record, sessions.slots);
  let session: LiveSession | undefined;
  try {
    const stream = await attachAgent(ctx.streams, container.id, ctx.log);
    await ctx.docker.getContainer(container.id).start();
    const lifeMs = record.maxLifetimeMinutes * 60_000;
    session = await createSession(ctx, sessionId, record, record.epoch, container, stream, lifeMs, () =>
      forget(sessions, sessionId, container.slot),
    );
    const opened = await openSession(ctx.redis, ctx.keys, ctx.tenure, {
      sessionId,
      epoch: record.epoch,
      containerId: container.id,
      maxLifetimeMs: lifeMs,
    });
    if (opened) {
      register(sessions, session);
      return "open";
    }
  } catch (error) {
    session?.detach();
    await removeContainer(ctx, container.id).catch(() => {});
    forget(sessions, sessionId, container.slot);
    throw error;
  }
  session.detach();
  await removeContainer(ctx, container.id).catch(() => {});
  forget(sessions, sessionId, container.slot);
  return "too late";
}

/** What the engine says that no second attempt can mend. */
function hopeless(error: unknown): string | undefined {
  const status = engineStatus(error);
  if (status === 404) return "its image is not on this host. Build it: npm run images";
  return status === 400
    ? `the engine refused its settings: ${error instanceof Error ? error.message : ""}`
    : undefined;
}

/**
 * Builds a session that this worker has claimed, again and again while its deadline allows (the engine may be restarting),
 * or ends it as Failed where that is hopeless. After the deadline the reaper fails it.
 */
export async function startSession(ctx: WorkerContext, sessions: Sessions, sessionId: string): Promise<void> {
  if (sessions.live.has(sessionId) || sessions.starting.has(sessionId)) return;
  sessions.starting.add(sessionId);
  try {
    while (!ctx.signal.aborted) {
      const record = await readSession(ctx.redis, ctx.keys, sessionId);
      if (record?.state !== "Creating" || record.owner !== ctx.tenure.workerId) {
        if (record?.state === "Closing")
          await failSession(ctx, sessionId, record, "Closed", record.closeReason ?? "");
        return;
      }
      if ((await untilDeadlineMs(ctx.redis, record)) < 0) return;
      try {
        if ((await tryOpen(ctx, sessions, sessionId, record)) === "open") return;
      } catch (error) {
        const reason = hopeless(error);
        ctx.log.warn({ err: error, sessionId }, "the container of a session could not be started");
        if (reason) return await failSession(ctx, sessionId, record, "Failed", reason);
      }
      await pause(RETRY_MS, ctx.signal);
    }
  } finally {
    sessions.starting.delete(sessionId);
  }
}

async function failSession(
  ctx: WorkerContext,
  sessionId: string,
  record: SessionRecord,
  state: "Failed" | "Closed",
  reason: string,
): Promise<void> {
  const queued = { ...OUTCOMES.sessionLost, error: `The session could not be started: ${reason}` };
  await endSession(
    ctx.redis,
    ctx.keys,
    ctx.tenure,
    { sessionId, epoch: record.epoch },
    {
      state,
      reason,
      running: OUTCOMES.lost,
      queued: state === "Failed" ? queued : OUTCOMES.closedBeforeStart,
    },
    ctx.config.retentionSeconds,
  );
}

/** Takes over the running container of a session of this worker id, left by an earlier process. */
export async function adopt(
  ctx: WorkerContext,
  sessions: Sessions,
  { id, sessionId, slot }: ListedContainer,
  record: SessionRecord,
): Promise<void> {
  if (sessions.live.has(sessionId) || sessions.starting.has(sessionId)) return;
  sessions.starting.add(sessionId);
  try {
    const epoch = await adoptSession(ctx.redis, ctx.keys, ctx.tenure, sessionId);
    if (epoch === 0) return;
    const container = { id, agentUid: agentUidOf(ctx, slot), slot };
    const stream = await execAgent(ctx.streams, id, container.agentUid, ctx.log);
    const lifeMs = await untilDeadlineMs(ctx.redis, record);
    sessions.slots.add(slot);
    const session = await createSession(ctx, sessionId, record, epoch, container, stream, lifeMs, () =>
      forget(sessions, sessionId, slot),
    );
    const { open, detached } = await openCommands(ctx.redis, ctx.keys, sessionId);
    session.resume(detached, open);
    ctx.log.info({ sessionId, epoch }, "session adopted");
    register(sessions, session);
    if (record.state === "Closing") await session.close(record.closeReason ?? "closed by the client");
  } finally {
    sessions.starting.delete(sessionId);
  }
}

/** Ends a session of this worker id that was not adopted: its container can't be reached any more, and why. */
export async function endWithoutContainer(
  ctx: WorkerContext,
  sessionId: string,
  record: SessionRecord,
  reason: string,
): Promise<void> {
  const epoch = await adoptSession(ctx.redis, ctx.keys, ctx.tenure, sessionId);
  if (epoch === 0) return;
  const lived = (await untilDeadlineMs(ctx.redis, record)) < 0;
  await endSession(
    ctx.redis,
    ctx.keys,
    ctx.tenure,
    { sessionId, epoch },
    {
      state: lived ? "Closed" : "Lost",
      reason: lived ? "lifetime" : reason,
      running: lived ? OUTCOMES.closedWhileRunning : OUTCOMES.lost,
      queued: lived ? OUTCOMES.closedBeforeStart : OUTCOMES.sessionLost,
    },
    ctx.config.retentionSeconds,
  );
}
