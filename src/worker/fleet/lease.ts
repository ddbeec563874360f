import type { Redis } from "ioredis";
import type { Log } from "../../shared/log.ts";
import { pause } from "../../shared/pause.ts";
import type { Keys } from "../../shared/redis/keys.ts";
import { engineOfWorker, LEASE_MS, renewLease, type Tenure } from "../../shared/redis/workers.ts";
import type { Engine } from "./engine.ts";
import type { EngineWatch } from "./engine-watch.ts";

/**
 * standby ──lease free──▶ held ──another holds it──▶ lost
 *
 * Renewed every 5 s for 15 s. After an outage of Redis that was longer than that the same process takes it again, unless
 * another was faster.
 */
const RENEW_MS = LEASE_MS / 3;
const STANDBY_POLL_MS = 1000;

/** Who wants to be the worker, and where. */
export interface Candidate {
  redis: Redis;
  keys: Keys;
  tenure: Tenure;
  engine: Engine;
  engineWatch: EngineWatch;
  slots: number;
  log: Log;
}

function renew({ redis, keys, tenure, engine, engineWatch, slots }: Candidate): Promise<boolean> {
  return renewLease(redis, keys, tenure, {
    engine: engine.id,
    engineState: engineWatch.awayMs() > 0 ? "away" : "ok",
    host: engine.host,
    slots,
    lastBeat: new Date().toISOString(),
  });
}

/**
 * Waits as a standby until this process is the worker of the id. False when `signal` was aborted first.
 * @throws Error when the id belongs to a worker on another engine: two that believe to be one would lose sessions.
 */
export async function acquireLease(candidate: Candidate, signal: AbortSignal): Promise<boolean> {
  const { redis, keys, tenure, engine, log } = candidate;
  let announced = false;
  while (!signal.aborted) {
    const held = await engineOfWorker(redis, keys, tenure.workerId);
    if (held !== undefined && held !== engine.id) {
      throw new Error(
        `Worker id '${tenure.workerId}' belongs to another Docker Engine (${held}). Give each engine's worker its own CODEBEAKER_WORKER_ID.`,
      );
    }
    if (await renew(candidate)) return true;
    if (!announced) log.info("standby: another process is this worker; waiting to take over");
    announced = true;
    await pause(STANDBY_POLL_MS, signal);
  }
  return false;
}

/**
 * Keeps the lease until `signal` is aborted, and says in the worker's record whether its engine answers; calls `onLost`
 * when another process holds it.
 */
export async function keepLease(
  candidate: Candidate,
  signal: AbortSignal,
  onLost: () => void,
): Promise<void> {
  const renewNow = async () => {
    try {
      if (!signal.aborted && !(await renew(candidate))) onLost();
    } catch (error) {
      candidate.log.warn({ err: error }, "the lease could not be renewed; trying again");
    }
  };
  candidate.engineWatch.onChange(() => void renewNow());
  while (await pause(RENEW_MS, signal)) await renewNow();
}
