import { z } from "zod";
import { StoredOutcome } from "../protocol/outcomes.ts";
import { type Chunk, parseChunk } from "./output.ts";

const number = z.coerce.number();

const CommandEvent = StoredOutcome.extend({
  type: z.literal("command"),
  commandId: z.string(),
  /** Said when it begins. */
  kind: z.enum(["program", "file"]).optional(),
  lastSeq: number.optional(),
  base: number.optional(),
  truncated: z.string().optional(),
  /** The result is too long for an event: it stands in the record. */
  resultInRecord: z.boolean().optional(),
});
export type CommandEvent = z.infer<typeof CommandEvent>;

const OutputEvent = z.object({
  type: z.literal("output"),
  commandId: z.string(),
  seq: z.number(),
  inline: z.boolean().optional(),
});

const SessionEvent = z.object({
  type: z.literal("session"),
  state: z.string(),
  closeReason: z.string().optional(),
});

const Event = z.discriminatedUnion("type", [CommandEvent, OutputEvent, SessionEvent]);

/** What is published on `events:<sid>`; the chunk is there when it is at most 4 KiB. */
export type SessionChannelEvent =
  | CommandEvent
  | z.infer<typeof SessionEvent>
  | { type: "output"; commandId: string; seq: number; chunk: Chunk | undefined };

const NEWLINE = 0x0a;

/** A message of the channel: one line of JSON and, for an inline chunk, the chunk behind it. */
export function parseEvent(message: Buffer): SessionChannelEvent {
  const end = message.indexOf(NEWLINE);
  const head = end === -1 ? message : message.subarray(0, end);
  const event = Event.parse(JSON.parse(head.toString("utf8")));
  if (event.type !== "output") return event;
  const chunk = event.inline ? parseChunk(event.seq, message.subarray(end + 1)) : undefined;
  return { type: "output", commandId: event.commandId, seq: event.seq, chunk };
}
