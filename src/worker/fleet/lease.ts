import type { Redis } from "ioredis";
import type { Log } from "../../shared/log.ts";
import type { Keys } from "../../shared/redis/keys.ts";
import {
  engineOfWorker,
  LEASE_MS,
  renewLease,
  type Tenure,
  type WorkerRecord,
} from "../../shared/redis/workers.ts";
import { pause } from "../context.ts";
import type { Engine } from "./engine.ts";

/**
 * standby ──lease free──▶ held ──another holds it──▶ lost
 *
 * Renewed every 5 s for 15 s. After an outage of Redis that was longer than that the same process takes it again, unless
 * another was faster.
 */
const RENEW_MS = LEASE_MS / 3;
const STANDBY_POLL_MS = 1000;

function recordOf(engine: Engine, slots: number): WorkerRecord {
  return { engine: engine.id, host: engine.host, slots, lastBeat: new Date().toISOString() };
}

/**
 * Waits as a standby until this process is the worker of the id. False when `signal` was aborted first.
 * @throws Error when the id belongs to a worker on another engine: two that believe to be one would lose sessions.
 */
export async function acquireLease(
  redis: Redis,
  keys: Keys,
  tenure: Tenure,
  engine: Engine,
  slots: number,
  log: Log,
  signal: AbortSignal,
): Promise<boolean> {
  let announced = false;
  while (!signal.aborted) {
    const held = await engineOfWorker(redis, keys, tenure.workerId);
    if (held !== undefined && held !== engine.id) {
      throw new Error(
        `Worker id '${tenure.workerId}' belongs to another Docker Engine (${held}). Give each engine's worker its own CODEBEAKER_WORKER_ID.`,
      );
    }
    if (await renewLease(redis, keys, tenure, recordOf(engine, slots))) return true;
    if (!announced) log.info("standby: another process is this worker; waiting to take over");
    announced = true;
    await pause(STANDBY_POLL_MS, signal);
  }
  return false;
}

/** Keeps the lease until `signal` is aborted; calls `onLost` when another process holds it. */
export async function keepLease(
  redis: Redis,
  keys: Keys,
  tenure: Tenure,
  engine: Engine,
  slots: number,
  log: Log,
  signal: AbortSignal,
  onLost: () => void,
): Promise<void> {
  while (await pause(RENEW_MS, signal)) {
    try {
      if (!(await renewLease(redis, keys, tenure, recordOf(engine, slots)))) return onLost();
    } catch (error) {
      log.warn({ err: error }, "the lease could not be renewed; trying again");
    }
  }
}
