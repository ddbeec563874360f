import type { Redis } from "ioredis";
import type { Log } from "../shared/log.ts";
import type { Keys } from "../shared/redis/keys.ts";
import {
  type Bell,
  type BellQueue,
  CREATE_QUEUE,
  closeWithin,
  commandQueue,
  openQueue,
} from "../shared/redis/queues.ts";

/** More workers than this on one Redis: the queue used longest ago is opened again when it is needed. */
const MOST_QUEUES = 256;
const CLOSE_DEADLINE_MS = 500;

/**
 * The bells of all workers, on the connection that commands are accepted on, so that a bell never overtakes its command.
 * Ringing hands over and does not wait: a bell that is lost only delays.
 */
export interface Bells {
  ringWorker: (workerId: string, bell: Bell) => void;
  /** A session waits for a worker. */
  ringCreate: (sessionId: string) => void;
  /** It still does: its bell may have been lost. Does nothing while there are as many bells as sessions that wait. */
  ringCreateAgain: (sessionId: string) => Promise<void>;
  close: () => Promise<void>;
}

export function createBells(redis: Redis, keys: Keys, log: Log): Bells {
  const queues = new Map<string, BellQueue>();
  let closing: Promise<unknown> | undefined;

  function queueOf(name: string): BellQueue {
    const known = queues.get(name);
    if (known) return known;
    const queue = openQueue(redis, keys, name);
    queue.on("error", (error) => log.debug({ err: error, queue: name }, "queue"));
    queues.set(name, queue);
    if (queues.size > MOST_QUEUES) dropOldest();
    return queue;
  }

  function dropOldest(): void {
    for (const [name, queue] of queues) {
      queues.delete(name);
      void closeWithin(queue, CLOSE_DEADLINE_MS);
      return;
    }
  }

  function ring(queue: string, job: string, bell: Bell): void {
    queueOf(queue)
      .add(job, bell)
      .catch((error: unknown) =>
        log.warn({ err: error, queue }, "a bell was not rung; the worker will look"),
      );
  }

  return {
    ringWorker: (workerId, bell) => ring(commandQueue(workerId), "command", bell),
    ringCreate: (sessionId) => ring(CREATE_QUEUE, "create", { sessionId }),
    ringCreateAgain: async (sessionId) => {
      const [bells, waiting] = await Promise.all([
        queueOf(CREATE_QUEUE).getWaitingCount(),
        redis.zcard(keys.creating),
      ]);
      if (bells < waiting) ring(CREATE_QUEUE, "create", { sessionId });
    },
    close: async () => {
      closing ??= Promise.all([...queues.values()].map((queue) => closeWithin(queue, CLOSE_DEADLINE_MS)));
      await closing;
    },
  };
}
