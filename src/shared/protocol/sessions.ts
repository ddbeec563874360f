import { z } from "zod";
import { CommandId, resources, SessionId } from "./executions.ts";

/** A session as clients see it. */
export const SessionState = z
  .enum(["Creating", "Active", "Idle", "Closing", "Closed", "Failed", "Lost"])
  .describe("Where the session is.");
export type SessionState = z.infer<typeof SessionState>;

export const SessionCreateParams = z.strictObject({
  language: z.string().describe("A language or one of its aliases, as `language.list` has them."),
  idleTimeoutMinutes: z
    .number()
    .gt(0)
    .max(1440)
    .default(30)
    .describe("How long it stays without a command or a call; then it is `Closed`."),
  maxLifetimeMinutes: z
    .number()
    .gt(0)
    .max(10_080)
    .default(120)
    .describe("How long it lives at most, whatever runs in it."),
  idempotencyKey: CommandId.optional().describe(
    "A name of the client's choice for this request: repeated with the same content it answers with the session that the first one made.",
  ),
  ...resources,
});
export type SessionCreateParams = z.infer<typeof SessionCreateParams>;

export const SessionCreateResult = z.object({
  sessionId: SessionId,
  containerId: z.string().describe("The container of the session, as its engine names it."),
  language: z.string().describe("The name of the language, also when an alias was sent."),
  createdAt: z.string().describe("ISO 8601."),
  state: z.literal("Active").describe("It is ready."),
  config: z
    .object({ idleTimeoutMinutes: z.number(), maxLifetimeMinutes: z.number() })
    .describe("What holds for it."),
});
export type SessionCreateResult = z.infer<typeof SessionCreateResult>;

export const SessionParams = z.strictObject({ sessionId: SessionId });

export const SessionInfo = z.object({
  sessionId: SessionId,
  containerId: z.string().nullable().describe("Null before there is one."),
  language: z.string(),
  createdAt: z.string().describe("ISO 8601."),
  lastActivity: z.string().describe("ISO 8601."),
  state: SessionState,
  executionCount: z.int().min(0).describe("How many commands it has accepted."),
  idleMinutes: z.number().describe("Time since its last activity."),
  lifetimeMinutes: z.number().describe("Time since it was created."),
  closeReason: z.string().optional().describe("Why it ended, once it has."),
});
export type SessionInfo = z.infer<typeof SessionInfo>;

export const SessionListResult = z.object({ count: z.int().min(0), sessions: z.array(SessionInfo) });
export const SessionCloseResult = z.object({ sessionId: SessionId, closed: z.literal(true) });
export const SessionDetachResult = z.object({
  sessionId: SessionId,
  detached: z.boolean().describe("Whether anything was attached."),
});
