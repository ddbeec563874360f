import type { Redis } from "ioredis";
import { z } from "zod";
import type { Keys } from "./keys.ts";

/** One thing that a worker is told, beside commands. */
export interface ControlEntry {
  id: string;
  type: "close";
  sessionId: string;
}

const BLOCK_MS = 5000;

const Fields = z.tuple([z.literal("type"), z.literal("close"), z.literal("sessionId"), z.string()]);

/** Entries of a worker's stream after an id; waits up to 5 s for one. */
export async function readControl(
  redis: Redis,
  keys: Keys,
  workerId: string,
  after: string,
): Promise<ControlEntry[]> {
  const streams = await redis.xread(
    "COUNT",
    100,
    "BLOCK",
    BLOCK_MS,
    "STREAMS",
    keys.control(workerId),
    after,
  );
  return (streams?.[0]?.[1] ?? []).map(([id, fields]) => {
    const [, type, , sessionId] = Fields.parse(fields);
    return { id, type, sessionId };
  });
}

/** Forgets an entry that has been carried out. */
export async function ackControl(redis: Redis, keys: Keys, workerId: string, id: string): Promise<void> {
  await redis.xdel(keys.control(workerId), id);
}
