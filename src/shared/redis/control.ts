import type { Redis } from "ioredis";
import { z } from "zod";
import type { Keys } from "./keys.ts";

/** How a command is to be cancelled. */
export const Cancellation = z.object({ signal: z.string(), graceMs: z.number() });
export type Cancellation = z.infer<typeof Cancellation>;

const about = { sessionId: z.string(), commandId: z.string() };

/** One thing that a worker is told, beside commands. */
export const Control = z.discriminatedUnion("type", [
  z.object({ type: z.literal("close"), sessionId: z.string() }),
  z.object({ type: z.literal("cancel"), ...about, cancel: Cancellation }),
  /** `data` is base64; it stands at `offset` of the command's input. */
  z.object({ type: z.literal("input"), ...about, offset: z.number(), data: z.string(), eof: z.boolean() }),
  z.object({ type: z.literal("resize"), ...about, columns: z.number(), rows: z.number() }),
]);
export type Control = z.infer<typeof Control>;
export type CommandControl = Exclude<Control, { type: "close" }>;

/** An entry of the stream: not valid when this process does not understand it. */
export interface ControlEntry {
  id: string;
  control: Control | undefined;
}

const BLOCK_MS = 5000;

const Fields = z.tuple([z.literal("entry"), z.string()]);

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
    const entry = Fields.safeParse(fields).data?.[1];
    return { id, control: entry === undefined ? undefined : Control.safeParse(JSON.parse(entry)).data };
  });
}

/** Tells a worker something. */
export async function sendControl(
  redis: Redis,
  keys: Keys,
  workerId: string,
  control: Control,
): Promise<void> {
  await redis.xadd(keys.control(workerId), "MAXLEN", "~", 10_000, "*", "entry", JSON.stringify(control));
}

/** Forgets an entry that has been carried out. */
export async function ackControl(redis: Redis, keys: Keys, workerId: string, id: string): Promise<void> {
  await redis.xdel(keys.control(workerId), id);
}
