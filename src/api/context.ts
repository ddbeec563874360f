import type { Redis } from "ioredis";
import type { Config } from "../shared/config.ts";
import type { Log } from "../shared/log.ts";
import type { MethodName, MethodParams, MethodResult } from "../shared/protocol/methods.ts";
import type { NotificationName, NotificationParams } from "../shared/protocol/notifications.ts";
import type { Keys } from "../shared/redis/keys.ts";
import type { Acceptance } from "./accept.ts";
import type { Attachments } from "./attachments.ts";
import type { Bells } from "./bells.ts";
import type { MemoryGuard } from "./memory-guard.ts";
import type { Serial } from "./serial.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** What every method needs; made once in main.ts and passed down. */
export interface ApiContext {
  config: Config;
  redis: Redis;
  keys: Keys;
  log: Log;
  subscriptions: Subscriptions;
  bells: Bells;
  acceptance: Acceptance;
  memory: MemoryGuard;
  /** Input of one command is sent piece by piece. */
  inputs: Serial;
}

/** Who sent a request. */
export interface Caller {
  /** A promise means that the client is behind: wait for it before sending more. */
  notify: <N extends NotificationName>(name: N, params: NotificationParams<N>) => Promise<void> | undefined;
  /** Undefined, or until the client has read most of what it was sent. */
  caughtUp: () => Promise<void> | undefined;
  attachments: Attachments;
  /** Aborted when the connection is gone: nobody waits for the answer any more. */
  signal: AbortSignal;
}

/** A method: parameters in, checked and with their defaults; result out. */
export type Method<M extends MethodName> = (
  params: MethodParams<M>,
  ctx: ApiContext,
  caller: Caller,
) => Promise<MethodResult<M>>;
