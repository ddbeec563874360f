import type { Redis } from "ioredis";
import { z } from "zod";
import { OUTCOMES, type Outcome } from "../protocol/outcomes.ts";
import type { SessionState } from "../protocol/sessions.ts";
import { redisTimeMs } from "./client.ts";
import { type Keys, TENANT } from "./keys.ts";
import { run, script } from "./script.ts";
import type { Tenure } from "./workers.ts";

/** As stored; `Active` and `Idle` are worked out when it is read. */
export const StoredSessionState = z.enum(["Creating", "Open", "Closing", "Closed", "Failed", "Lost"]);
export type StoredSessionState = z.infer<typeof StoredSessionState>;

/** Whether nothing more will happen in it. */
export function hasEnded(state: StoredSessionState | SessionState): boolean {
  return state === "Closed" || state === "Failed" || state === "Lost";
}

const number = z.coerce.number();

const SessionRecord = z.object({
  language: z.string(),
  image: z.string(),
  state: StoredSessionState,
  /** Until when it must be Open; then, the end of its life (ISO 8601). */
  deadline: z.string(),
  ephemeral: z.string().transform((value) => value === "1"),
  owner: z.string().optional(),
  epoch: number,
  containerId: z.string().optional(),
  createdAt: z.string(),
  lastActivity: z.string(),
  endedAt: z.string().optional(),
  executionCount: number,
  idleTimeoutMinutes: number,
  maxLifetimeMinutes: number,
  memoryLimitMB: number,
  cpus: number,
  closeReason: z.string().optional(),
});
export type SessionRecord = z.infer<typeof SessionRecord>;

/** The part of a session that its creator decides. */
export type SessionSpec = Pick<
  SessionRecord,
  "language" | "image" | "ephemeral" | "idleTimeoutMinutes" | "maxLifetimeMinutes" | "memoryLimitMB" | "cpus"
>;

const createScript = script("session-create");
const claimScript = script("session-claim");
const openScript = script("session-open");
const adoptScript = script("session-adopt");
const closeScript = script("session-close");
const endScript = script("session-end");
const reapScript = script("session-reap");
const expireScript = script("session-expire");

/**
 * Writes a session as `Creating`, with its one command where it is an `execution.run`. `taken`: the command id, or the
 * idempotency key, is that of an earlier request.
 * `deadlineMs`: how long from now it may take until it is open; `createQueue`: how many may wait.
 */
export async function createSession(
  redis: Redis,
  keys: Keys,
  sessionId: string,
  spec: SessionSpec,
  deadlineMs: number,
  createQueue: number,
  {
    command,
    idempotency,
  }: {
    command?: { commandId: string; fields: Record<string, string | number> };
    idempotency?: { key: string; requestHash: string; rememberedSeconds: number } | undefined;
  } = {},
): Promise<"created" | "overloaded" | "taken"> {
  const commandId = command?.commandId ?? "";
  const reply = await run(
    redis,
    createScript,
    [
      keys.session(sessionId),
      keys.sessions(TENANT),
      keys.creating,
      keys.command(commandId),
      keys.pending(sessionId),
      keys.open(sessionId),
      keys.idempotency(idempotency?.key ?? ""),
    ],
    [
      sessionId,
      TENANT,
      deadlineMs,
      createQueue,
      JSON.stringify({ ...spec, ephemeral: spec.ephemeral ? 1 : 0 }),
      commandId,
      JSON.stringify(command?.fields ?? {}),
      idempotency?.requestHash ?? "",
      idempotency?.rememberedSeconds ?? 0,
    ],
  );
  return z.enum(["created", "overloaded", "taken"]).parse(reply);
}

/** What was created with an idempotency key, while it is remembered. */
export async function readIdempotency(
  redis: Redis,
  keys: Keys,
  key: string,
): Promise<{ sessionId: string; requestHash: string } | undefined> {
  const [sessionId, requestHash] = await redis.hmget(keys.idempotency(key), "sessionId", "requestHash");
  return sessionId && requestHash ? { sessionId, requestHash } : undefined;
}

/** Makes a session this worker's, with epoch 1. False when another has it or it is too late. */
export async function claimSession(
  redis: Redis,
  keys: Keys,
  tenure: Tenure,
  sessionId: string,
): Promise<boolean> {
  const reply = await run(
    redis,
    claimScript,
    [keys.session(sessionId), keys.lease(tenure.workerId), keys.workerSessions(tenure.workerId)],
    [sessionId, tenure.workerId, tenure.token],
  );
  return reply === 1;
}

/** `Creating` → `Open`. False when it is too late or no longer this worker's: then the container has to go. */
export async function openSession(
  redis: Redis,
  keys: Keys,
  tenure: Tenure,
  session: { sessionId: string; epoch: number; containerId: string; maxLifetimeMs: number },
): Promise<boolean> {
  const reply = await run(
    redis,
    openScript,
    [keys.session(session.sessionId), keys.lease(tenure.workerId), keys.creating],
    [
      session.sessionId,
      tenure.token,
      session.epoch,
      session.containerId,
      keys.events(session.sessionId),
      session.maxLifetimeMs,
    ],
  );
  return reply === 1;
}

/** Takes over an open session of this worker id from an earlier process. Returns the new epoch, or 0 when it can't. */
export async function adoptSession(
  redis: Redis,
  keys: Keys,
  tenure: Tenure,
  sessionId: string,
): Promise<number> {
  const reply = await run(
    redis,
    adoptScript,
    [keys.session(sessionId), keys.lease(tenure.workerId)],
    [tenure.workerId, tenure.token],
  );
  return Number(reply);
}

/** A client's wish: queued commands end here, the rest is the worker's. Undefined when there is no such session. */
export async function closeSession(
  redis: Redis,
  keys: Keys,
  sessionId: string,
  retentionSeconds: number,
): Promise<StoredSessionState | undefined> {
  const reply = await run(
    redis,
    closeScript,
    [keys.session(sessionId), keys.pending(sessionId), keys.open(sessionId)],
    [
      keys.prefix,
      sessionId,
      JSON.stringify(OUTCOMES.closedBeforeStart),
      "closed by the client",
      retentionSeconds,
    ],
  );
  return reply === null ? undefined : StoredSessionState.parse(reply);
}

/** How a session ends, and what becomes of its commands. */
export interface SessionEnd {
  state: "Closed" | "Failed" | "Lost";
  reason: string;
  running: Outcome;
  queued: Outcome;
}

/**
 * The owner ends a session; with `idleMs` only when nothing has happened in it for that long (else `busy`).
 * `fenced`: it is no longer the owner.
 */
export async function endSession(
  redis: Redis,
  keys: Keys,
  tenure: Tenure,
  session: { sessionId: string; epoch: number },
  end: SessionEnd,
  retentionSeconds: number,
  idleMs?: number,
): Promise<"ended" | "fenced" | "busy"> {
  const reply = await run(
    redis,
    endScript,
    [keys.session(session.sessionId), keys.lease(tenure.workerId)],
    [
      keys.prefix,
      session.sessionId,
      tenure.token,
      session.epoch,
      end.state,
      end.reason,
      JSON.stringify(end.running),
      JSON.stringify(end.queued),
      retentionSeconds,
      idleMs ?? "",
    ],
  );
  return z.enum(["ended", "fenced", "busy"]).parse(reply);
}

/** Ends a session that no worker will end. False when a worker lives that will. */
export async function reapSession(
  redis: Redis,
  keys: Keys,
  sessionId: string,
  end: SessionEnd,
  retentionSeconds: number,
): Promise<boolean> {
  const reply = await run(
    redis,
    reapScript,
    [keys.session(sessionId)],
    [
      keys.prefix,
      sessionId,
      end.state,
      end.reason,
      JSON.stringify(end.running),
      JSON.stringify(end.queued),
      retentionSeconds,
    ],
  );
  return reply === 1;
}

/** Ends what waited too long in a session of a worker that is not there; nothing where it is. */
export async function expireInSession(
  redis: Redis,
  keys: Keys,
  workerId: string,
  sessionId: string,
  retentionSeconds: number,
): Promise<void> {
  await run(
    redis,
    expireScript,
    [keys.session(sessionId), keys.lease(workerId)],
    [keys.prefix, sessionId, JSON.stringify(OUTCOMES.expired), retentionSeconds],
  );
}

function parseSession(fields: Record<string, string>): SessionRecord | undefined {
  return Object.keys(fields).length === 0 ? undefined : SessionRecord.parse(fields);
}

export async function readSession(
  redis: Redis,
  keys: Keys,
  sessionId: string,
): Promise<SessionRecord | undefined> {
  return parseSession(await redis.hgetall(keys.session(sessionId)));
}

/** How long until a session's deadline by the clock of Redis, which set it; below 0 when it is past. */
export async function untilDeadlineMs(redis: Redis, { deadline }: SessionRecord): Promise<number> {
  return Date.parse(deadline) - (await redisTimeMs(redis));
}

/** The live sessions, oldest first. */
export async function listSessions(
  redis: Redis,
  keys: Keys,
): Promise<(SessionRecord & { sessionId: string })[]> {
  const ids = await redis.zrange(keys.sessions(TENANT), 0, -1);
  const records = await Promise.all(ids.map((id) => readSession(redis, keys, id)));
  return records.flatMap((record, index) => {
    const sessionId = ids[index];
    return record && sessionId ? [{ ...record, sessionId }] : [];
  });
}

/** The sessions that a worker has claimed. */
export async function sessionsOfWorker(redis: Redis, keys: Keys, workerId: string): Promise<string[]> {
  return redis.smembers(keys.workerSessions(workerId));
}

/** Sessions that were to be open by now. */
export async function overdueSessions(redis: Redis, keys: Keys): Promise<string[]> {
  return redis.zrangebyscore(keys.creating, 0, await redisTimeMs(redis), "LIMIT", 0, 100);
}

/** How many commands of a session have not ended. */
export async function countOpenCommands(redis: Redis, keys: Keys, sessionId: string): Promise<number> {
  return redis.zcard(keys.open(sessionId));
}
