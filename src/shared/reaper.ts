import type { Redis } from "ioredis";
import type { Config } from "./config.ts";
import type { Log } from "./log.ts";
import { OUTCOMES } from "./protocol/outcomes.ts";
import type { Keys } from "./redis/keys.ts";
import { closeWithin, commandQueue, openQueue } from "./redis/queues.ts";
import { expireInSession, overdueSessions, reapSession, sessionsOfWorker } from "./redis/sessions.ts";

/**
 * What becomes of sessions that no worker will end: those not open in time, and those of a worker that is dead; and of
 * commands that waited too long for a worker that is not there, dead or about to come back. Runs in every API node and
 * worker, one at a time (a short lock); every step can be repeated.
 */
const ROUND_MS = 5000;
const LOCK_MS = 15_000;
/** For how long a lease must have been gone, in which this process itself reached Redis, until its worker is dead. */
const DEAD_MS = 30_000;

/** Reaps until `signal` is aborted. */
export function startReaper(redis: Redis, keys: Keys, config: Config, log: Log, signal: AbortSignal): void {
  const missingSince = new Map<string, number>();
  let busy = false;

  const round = async () => {
    if (busy) return;
    busy = true;
    try {
      const { absent, dead } = await absentWorkers(redis, keys, missingSince);
      if ((await redis.set(`${keys.prefix}:reaper`, "1", "PX", LOCK_MS, "NX")) === null) return;
      await failOverdue(redis, keys, config.retentionSeconds);
      for (const workerId of absent) await expireQueued(redis, keys, config.retentionSeconds, workerId);
      for (const workerId of dead) await reapWorker(redis, keys, config.retentionSeconds, workerId, log);
      await redis.del(`${keys.prefix}:reaper`);
    } catch (error) {
      missingSince.clear();
      log.warn({ err: error }, "the reaper could not finish; trying again");
    } finally {
      busy = false;
    }
  };
  const timer = setInterval(() => void round(), ROUND_MS);
  // After an outage nobody could renew a lease: everybody gets the full grace again.
  const forgive = () => missingSince.clear();
  redis.on("ready", forgive);
  signal.addEventListener("abort", () => {
    clearInterval(timer);
    redis.off("ready", forgive);
  });
}

/** The workers without a lease, and of these the ones without it for so long that they are dead. */
async function absentWorkers(
  redis: Redis,
  keys: Keys,
  missingSince: Map<string, number>,
): Promise<{ absent: string[]; dead: string[] }> {
  const absent: string[] = [];
  const dead: string[] = [];
  for (const workerId of await redis.smembers(keys.workers)) {
    if ((await redis.exists(keys.lease(workerId))) === 1) {
      missingSince.delete(workerId);
      continue;
    }
    absent.push(workerId);
    const since = missingSince.get(workerId) ?? performance.now();
    missingSince.set(workerId, since);
    const restartingUntil = await redis.hget(keys.worker(workerId), "restartingUntil");
    const restarting = restartingUntil !== null && Date.parse(restartingUntil) > Date.now();
    if (performance.now() - since >= DEAD_MS && !restarting) dead.push(workerId);
  }
  return { absent, dead };
}

async function expireQueued(
  redis: Redis,
  keys: Keys,
  retentionSeconds: number,
  workerId: string,
): Promise<void> {
  for (const sessionId of await sessionsOfWorker(redis, keys, workerId)) {
    await expireInSession(redis, keys, workerId, sessionId, retentionSeconds);
  }
}

async function failOverdue(redis: Redis, keys: Keys, retentionSeconds: number): Promise<void> {
  const end = {
    state: "Failed",
    reason: "it was not ready in time",
    running: OUTCOMES.lost,
    queued: OUTCOMES.expired,
  } as const;
  for (const sessionId of await overdueSessions(redis, keys)) {
    await reapSession(redis, keys, sessionId, end, retentionSeconds);
  }
}

async function reapWorker(
  redis: Redis,
  keys: Keys,
  retentionSeconds: number,
  workerId: string,
  log: Log,
): Promise<void> {
  const sessions = await sessionsOfWorker(redis, keys, workerId);
  if (sessions.length > 0)
    log.warn({ workerId, sessions: sessions.length }, "a worker is dead: its sessions are lost");
  const end = {
    state: "Lost",
    reason: "its worker is gone",
    running: OUTCOMES.lost,
    queued: OUTCOMES.sessionLost,
  } as const;
  for (const sessionId of sessions) {
    if (!(await reapSession(redis, keys, sessionId, end, retentionSeconds))) return; // it is back
    await redis.srem(keys.workerSessions(workerId), sessionId);
  }
  const queue = openQueue(redis, keys, commandQueue(workerId));
  await queue.obliterate({ force: true });
  await closeWithin(queue, 1000);
  await redis.del(keys.control(workerId));
  // The worker's record lasts a day: until then a late bell would bring the queue back, and this round remove it again.
  if ((await redis.exists(keys.worker(workerId))) === 0) await redis.srem(keys.workers, workerId);
}
