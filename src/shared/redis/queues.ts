import { Queue, Worker } from "bullmq";
import type { Redis } from "ioredis";
import type { Log } from "../log.ts";
import type { Keys } from "./keys.ts";

/** The one queue of sessions that wait for a worker. */
export const CREATE_QUEUE = "create";

/** The queue that is the bell of a worker. */
export function commandQueue(workerId: string): string {
  return `commands-${workerId}`;
}

/** What a job carries: only where to look. What is true stands in the session's and the command's record. */
export interface Bell {
  sessionId: string;
  commandId?: string;
}

export type BellQueue = Queue<Bell>;

/** The sending end, on the connection given, so that bells follow what was written on it before. */
export function openQueue(redis: Redis, keys: Keys, name: string): BellQueue {
  return new Queue<Bell>(name, {
    connection: redis,
    prefix: keys.queuePrefix,
    skipVersionCheck: true,
    streams: { events: { maxLen: 100 } },
    defaultJobOptions: {
      attempts: 1,
      removeOnComplete: { count: 100 },
      removeOnFail: { count: 100 },
    },
  });
}

/**
 * The receiving end. Concurrency 1: with more, BullMQ hands jobs over out of order (measured), and `ring` returns at once.
 * A bell that is lost or comes twice changes nothing, so none is tried again.
 */
export function answerQueue(
  redis: Redis,
  keys: Keys,
  name: string,
  log: Log,
  ring: (bell: Bell) => Promise<void>,
): Worker<Bell> {
  const worker = new Worker<Bell>(name, async (job) => ring(job.data), {
    connection: redis,
    prefix: keys.queuePrefix,
    concurrency: 1,
    maxStalledCount: 0,
    skipVersionCheck: true,
    removeOnComplete: { count: 100 },
    removeOnFail: { count: 100 },
  });
  worker.on("error", (error) => log.debug({ err: error, queue: name }, "queue"));
  worker.on("failed", (_job, error) => log.warn({ err: error, queue: name }, "a bell was not answered"));
  return worker;
}

/** BullMQ's close can hang while Redis is away; past the deadline it is left behind. */
export async function closeWithin(
  closable: { close: () => Promise<void> },
  deadlineMs: number,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, deadlineMs);
  });
  await Promise.race([closable.close().catch(() => {}), deadline]);
  clearTimeout(timer);
}
