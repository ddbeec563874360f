import { z } from "zod";
import { CommandId, SessionId, VerdictFields } from "./executions.ts";
import { SessionState } from "./sessions.ts";

const about = { sessionId: SessionId, commandId: CommandId };

/** What a server sends without being asked, to the connection that streams or is attached. */
export const NOTIFICATIONS = {
  /** Comes first, so that a client knows the id before anything breaks. */
  "execution.started": z.object(about),
  "execution.output": z.object({
    ...about,
    seq: z.int(),
    stream: z.enum(["stdout", "stderr"]),
    data: z.string(),
    encoding: z.enum(["utf8", "base64"]),
  }),
  /** The output from `fromSeq` to `toSeq` can't be had any more. */
  "execution.gap": z.object({ ...about, fromSeq: z.int(), toSeq: z.int(), bytes: z.int().optional() }),
  "execution.ended": VerdictFields.extend({
    sessionId: SessionId,
    exitCode: z.int().nullable().optional(),
    signal: z.string().optional(),
    error: z.string().optional(),
  }),
  "session.state": z.object({
    sessionId: SessionId,
    state: SessionState,
    closeReason: z.string().optional(),
  }),
} as const;

export type NotificationName = keyof typeof NOTIFICATIONS;
export type NotificationParams<N extends NotificationName> = z.infer<(typeof NOTIFICATIONS)[N]>;
