import { z } from "zod";
import { CommandId, SessionId, VerdictFields } from "./executions.ts";
import { SessionState } from "./sessions.ts";

const seq = z.int().min(1);

const about = { sessionId: SessionId, commandId: CommandId };

/** What a server sends without being asked, to the connection that streams or is attached. */
export const NOTIFICATIONS = {
  "execution.started": z
    .object(about)
    .describe(
      "A command was accepted, or begins. Comes first, so that a client knows its id before anything breaks.",
    ),
  "execution.output": z
    .object({
      ...about,
      seq: seq.describe("Counts the output of the command, from 1 and without holes."),
      stream: z.enum(["stdout", "stderr"]),
      data: z.string().describe("The bytes, as `encoding` says; no UTF-8 character is ever cut in two."),
      encoding: z
        .enum(["utf8", "base64"])
        .describe(
          "`utf8`, or `base64` for bytes that are no UTF-8: either way exactly those of the program.",
        ),
    })
    .describe("The program wrote something."),
  "execution.gap": z
    .object({
      ...about,
      fromSeq: seq.describe("The first sequence number that is missing."),
      toSeq: seq.describe("The last one."),
      bytes: z.int().min(0).optional().describe("How many bytes are missing, where that is known."),
    })
    .describe("A part of the output can't be had any more: it was dropped (`keep: tail`), or lost."),
  "execution.ended": VerdictFields.extend({
    sessionId: SessionId,
    exitCode: z
      .int()
      .nullable()
      .optional()
      .describe("Of a program; null when a signal ended it, or nothing ran."),
    signal: z.string().optional().describe("The signal that ended it, where one did."),
    error: z.string().optional().describe("Why it did not end by itself."),
  }).describe("The command has ended; after it no output follows."),
  "session.state": z
    .object({
      sessionId: SessionId,
      state: SessionState,
      closeReason: z.string().optional().describe("Why it ended, once it has."),
    })
    .describe("The state of the session has changed."),
} as const;

export type NotificationName = keyof typeof NOTIFICATIONS;
export type NotificationParams<N extends NotificationName> = z.infer<(typeof NOTIFICATIONS)[N]>;
