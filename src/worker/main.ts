import { randomBytes } from "node:crypto";
import { readConfig } from "../shared/config.ts";
import { createLog } from "../shared/log.ts";
import { pause } from "../shared/pause.ts";
import { startReaper } from "../shared/reaper.ts";
import { checkRedis, connectRedis } from "../shared/redis/client.ts";
import { keysOf } from "../shared/redis/keys.ts";
import { watchMemory } from "../shared/redis/memory.ts";
import { deploymentId, holdsLease, releaseLease } from "../shared/redis/workers.ts";
import type { WorkerContext } from "./context.ts";
import { connectEngine, workerIdOf } from "./fleet/engine.ts";
import { watchEngine } from "./fleet/engine-watch.ts";
import { acquireLease, keepLease } from "./fleet/lease.ts";
import { keepReconciled } from "./fleet/reconcile.ts";
import { obeyControl } from "./intake/control.ts";
import { answerDoorbell } from "./intake/doorbell.ts";
import { takeSessions } from "./intake/placement.ts";
import { watchLifetimes } from "./session/lifetime.ts";
import type { Sessions } from "./session/start.ts";

/**
 * A worker process: standby → worker (a tenure) → standby …, until SIGTERM.
 * SIGTERM in a tenure: nothing new is taken, what runs gets 30 s, and the containers are left to the successor.
 */
const DRAIN_MS = 30_000;
const SUCCESSOR_MS = 5 * 60_000;
/** From this share of Redis' memory on programs wait with their output. */
const MEMORY_FULL = 0.9;

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog("worker", config.logLevel);
  const stopping = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stopping.abort());

  const redis = connectRedis(config.redisUrl, log, "codebeaker-worker");
  await checkRedis(redis, log);
  const keys = keysOf(config.keyPrefix);
  const engine = await connectEngine(config, log, stopping.signal);
  if (!engine) process.exit(0);
  const engineWatch = watchEngine(engine.docker, log, stopping.signal);
  const workerId = config.workerId ?? workerIdOf(engine, config.keyPrefix);
  const deployment = await deploymentId(redis, keys, randomBytes(8).toString("hex"));

  const memory = watchMemory(redis, log, MEMORY_FULL, "output waits, and programs with it");

  startReaper(redis, keys, config, log, stopping.signal);

  while (!stopping.signal.aborted) {
    const tenure = { workerId, token: randomBytes(16).toString("hex") };
    const candidate = { redis, keys, tenure, engine, engineWatch, slots: config.slots, log };
    if (!(await acquireLease(candidate, stopping.signal))) break;
    log.info({ workerId }, "this process is the worker");

    const ending = new AbortController();
    const onLost = () => {
      if (!ending.signal.aborted)
        log.warn({ workerId }, "another process is this worker now; back to standby");
      ending.abort();
    };
    const onFenced = () => {
      holdsLease(redis, keys, tenure).then(
        (held) => held || onLost(),
        () => {},
      );
    };
    void keepLease(candidate, ending.signal, onLost);
    const ctx: WorkerContext = {
      config,
      redis,
      keys,
      docker: engine.docker,
      streams: engine.streams,
      engine: engineWatch,
      log,
      tenure,
      deployment,
      signal: ending.signal,
      onFenced,
      isMemoryFull: memory.isFull,
    };
    await serve(ctx, stopping.signal);
    if (!ending.signal.aborted) {
      await releaseLease(redis, keys, tenure, new Date(Date.now() + SUCCESSOR_MS).toISOString());
      ending.abort();
    }
  }
  log.info("stopped");
  // Streams to containers and BullMQ's connections would keep the process alive.
  process.exit(0);
}

/** Runs sessions until the tenure ends or the process is told to stop; then lets go of them. */
async function serve(ctx: WorkerContext, stopping: AbortSignal): Promise<void> {
  const sessions: Sessions = { live: new Map(), starting: new Set(), slots: new Set(), onFreed: () => {} };
  void keepReconciled(ctx, sessions);
  void watchLifetimes(ctx, sessions);
  void obeyControl(ctx, sessions);
  const stopDoorbell = answerDoorbell(ctx, sessions);
  const stopPlacement = takeSessions(ctx, sessions);

  await aborted(AbortSignal.any([ctx.signal, stopping]));
  await Promise.all([stopDoorbell(), stopPlacement()]);
  if (!ctx.signal.aborted) {
    const running = [...sessions.live.values()].map((session) => session.stop());
    await Promise.race([Promise.all(running), pause(DRAIN_MS, ctx.signal)]);
  }
  for (const session of sessions.live.values()) session.detach();
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

function fail(error: unknown): never {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}

main().catch(fail);
