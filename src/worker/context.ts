import type Docker from "dockerode";
import type { Redis } from "ioredis";
import type { Config } from "../shared/config.ts";
import type { Log } from "../shared/log.ts";
import type { Keys } from "../shared/redis/keys.ts";
import type { Tenure } from "../shared/redis/workers.ts";
import type { EngineWatch } from "./fleet/engine-watch.ts";

/** What every part of a worker needs, for the time of one tenure; made once in main.ts and passed down. */
export interface WorkerContext {
  config: Config;
  redis: Redis;
  keys: Keys;
  docker: Docker;
  /** The same engine, for what becomes a stream. */
  streams: Docker;
  engine: EngineWatch;
  log: Log;
  tenure: Tenure;
  /** The label of this installation's containers. */
  deployment: string;
  /** Aborted when the tenure ends: whoever waits gives up, and nothing is written any more. */
  signal: AbortSignal;
  /** Tells that a write was refused; ends the tenure if another process is this worker now. */
  onFenced: () => void;
  /** Whether Redis is so full that programs have to wait with their output. */
  isMemoryFull: () => boolean;
}
