import { Redis } from "ioredis";
import type { Log } from "../log.ts";
import { infoField } from "./info.ts";
import { loadScripts } from "./script.ts";

/**
 * A connection that outlasts an outage: commands wait for the reconnect (no limit of retries), which is tried at
 * least once a second (BullMQ's own default would take 13 s to recover, measured).
 */
export function connectRedis(url: string, log: Log, name: string): Redis {
  const redis = new Redis(url, {
    maxRetriesPerRequest: null,
    retryStrategy: (attempt) => Math.min(50 * attempt, 1000),
    connectionName: name,
    // A dead peer without a FIN: after this the connection is made anew.
    keepAlive: 5000,
  });
  let reported = false;
  redis.on("error", (error) => {
    if (!reported)
      log.error({ err: error, connection: name }, "Redis is away; trying again until it is back");
    reported = true;
  });
  redis.on("ready", () => {
    if (reported) log.info({ connection: name }, "Redis is back");
    reported = false;
    loadScripts(redis).catch((error: unknown) => log.warn({ err: error }, "scripts not loaded"));
  });
  return redis;
}

/**
 * What the rest of this turn of the event loop writes on a connection leaves in one system call: in a virtual machine that
 * costs more than the command itself, and Redis wakes up once.
 */
export function gatherWrites(redis: Redis): void {
  const { stream } = redis;
  if (redis.status !== "ready" || stream.writableCorked > 0) return;
  stream.cork();
  setImmediate(() => stream.uncork());
}

/**
 * Refuses a Redis that would lose or tear what it holds: older than 7 (or a Valkey older than 7.2), in cluster mode
 * (accepting a command must be one atomic step), or one that evicts keys. Without an append-only file it warns.
 * @throws Error that says what to change.
 */
export async function checkRedis(redis: Redis, log: Log): Promise<void> {
  const info = await redis.info();
  const version = infoField(info, "redis_version");
  if (Number.parseInt(version, 10) < 7) {
    throw new Error(`Redis ${version} is too old. Use Redis 7 or later, or Valkey.`);
  }
  if (infoField(info, "redis_mode") === "cluster") {
    throw new Error(
      "Redis Cluster is not supported, since a command is accepted in one atomic step. Use a single Redis (with Sentinel where wanted).",
    );
  }
  const policy = infoField(info, "maxmemory_policy");
  if (policy !== "noeviction") {
    throw new Error(
      `Redis evicts keys (maxmemory-policy ${policy}), so results would get lost. Set it: redis-cli config set maxmemory-policy noeviction`,
    );
  }
  if (infoField(info, "aof_enabled") !== "1") {
    log.warn(
      "Redis keeps no append-only file: when it dies, sessions, queued commands and results since its last snapshot are lost. Set appendonly yes.",
    );
  }
}

/** The time by the clock of Redis, which set all times of a record. */
export async function redisTimeMs(redis: Redis): Promise<number> {
  const [seconds, microseconds] = await redis.time();
  return Number(seconds) * 1000 + Number(microseconds) / 1000;
}
