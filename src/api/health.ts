import type { Redis } from "ioredis";
import type { Keys } from "../shared/redis/keys.ts";
import { liveWorkers } from "../shared/redis/workers.ts";
import { within } from "../shared/within.ts";

const DEADLINE_MS = 2000;

/** What a load balancer and a person are told. */
export interface Health {
  ok: boolean;
  redis: "ok" | "unreachable";
  /** How many workers hold their lease; null while Redis can't say. */
  workers: number | null;
  /** How many of them have a Docker Engine that answers. */
  engines: number | null;
  /** What is missing, and what to do. */
  problem?: string;
}

/** Whether a client would be served: Redis answers, and a worker lives whose engine does. */
export async function checkHealth(redis: Redis, keys: Keys): Promise<Health> {
  try {
    const workers = await within(DEADLINE_MS, liveWorkers(redis, keys), () => new Error("no answer in time"));
    const engines = workers.filter(({ engineState }) => engineState === "ok").length;
    const counts = { redis: "ok", workers: workers.length, engines } as const;
    if (engines > 0) return { ok: true, ...counts };
    const problem =
      workers.length > 0
        ? "No worker reaches its Docker Engine, so no session can be created. Check that the engine runs: docker info"
        : "No worker lives, so no session can be created and no command runs. Start one: npm run worker";
    return { ok: false, ...counts, problem };
  } catch {
    const problem = `Redis did not answer within ${DEADLINE_MS} ms. Check REDIS_URL and that Redis runs.`;
    return { ok: false, redis: "unreachable", workers: null, engines: null, problem };
  }
}
