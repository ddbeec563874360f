import type { Redis } from "ioredis";
import { z } from "zod";
import type { Keys } from "./keys.ts";
import { run, script } from "./script.ts";

/** How long a lease holds without being renewed. */
export const LEASE_MS = 15_000;

/** The time in which one process is worker `workerId`: every write of a worker proves it by the token. */
export interface Tenure {
  workerId: string;
  token: string;
}

/** `away`: the worker lives, and can't start or reach a container. */
const EngineState = z.enum(["ok", "away"]);
export type EngineState = z.infer<typeof EngineState>;

/** What an operator sees of a worker, and a standby compares. */
export interface WorkerRecord {
  engine: string;
  /** Whether it answers. */
  engineState: EngineState;
  host: string;
  slots: number;
  lastBeat: string;
}

const renewScript = script("lease-renew");
const releaseScript = script("lease-release");

/** Takes or renews the lease. Returns false when another process holds it. */
export async function renewLease(
  redis: Redis,
  keys: Keys,
  { workerId, token }: Tenure,
  record: WorkerRecord,
): Promise<boolean> {
  const reply = await run(
    redis,
    renewScript,
    [keys.lease(workerId), keys.worker(workerId), keys.workers],
    [token, LEASE_MS, workerId, JSON.stringify(record)],
  );
  return reply === 1;
}

/** Whether this process is still the worker. */
export async function holdsLease(redis: Redis, keys: Keys, { workerId, token }: Tenure): Promise<boolean> {
  return (await redis.get(keys.lease(workerId))) === token;
}

/** Gives the lease up and announces a successor until `restartingUntil` (ISO 8601). */
export async function releaseLease(
  redis: Redis,
  keys: Keys,
  { workerId, token }: Tenure,
  restartingUntil: string,
): Promise<void> {
  await run(redis, releaseScript, [keys.lease(workerId), keys.worker(workerId)], [token, restartingUntil]);
}

/** The engine that the worker of this id ran on last. */
export async function engineOfWorker(
  redis: Redis,
  keys: Keys,
  workerId: string,
): Promise<string | undefined> {
  return (await redis.hget(keys.worker(workerId), "engine")) ?? undefined;
}

/** The workers that hold a lease, and whether their engines answer. */
export async function liveWorkers(
  redis: Redis,
  keys: Keys,
): Promise<{ workerId: string; engineState: EngineState }[]> {
  const ids = await redis.smembers(keys.workers);
  if (ids.length === 0) return [];
  const leases = await redis.mget(ids.map((id) => keys.lease(id)));
  const live = ids.filter((_, index) => leases[index] !== null);
  return Promise.all(
    live.map(async (workerId) => ({
      workerId,
      // A worker of an earlier version does not say.
      engineState: EngineState.catch("ok").parse(await redis.hget(keys.worker(workerId), "engineState")),
    })),
  );
}

/** The random name of this installation: a label on each of its containers. */
export async function deploymentId(redis: Redis, keys: Keys, random: string): Promise<string> {
  await redis.setnx(keys.deployment, random);
  return (await redis.get(keys.deployment)) ?? random;
}
