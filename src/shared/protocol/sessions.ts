import { z } from "zod";
import { CommandId, resources, SessionId } from "./executions.ts";

/** A session as clients see it. `Active`: a command runs or ran within the last minute. */
export const SessionState = z.enum(["Creating", "Active", "Idle", "Closing", "Closed", "Failed", "Lost"]);
export type SessionState = z.infer<typeof SessionState>;

export const SessionCreateParams = z.strictObject({
  language: z.string(),
  idleTimeoutMinutes: z.number().gt(0).max(1440).default(30),
  maxLifetimeMinutes: z.number().gt(0).max(10_080).default(120),
  /** Repeated with the same content it answers with the session that the first one made. */
  idempotencyKey: CommandId.optional(),
  ...resources,
});
export type SessionCreateParams = z.infer<typeof SessionCreateParams>;

export const SessionCreateResult = z.object({
  sessionId: SessionId,
  containerId: z.string(),
  language: z.string(),
  createdAt: z.string(),
  state: z.literal("Active"),
  config: z.object({ idleTimeoutMinutes: z.number(), maxLifetimeMinutes: z.number() }),
});
export type SessionCreateResult = z.infer<typeof SessionCreateResult>;

export const SessionParams = z.strictObject({ sessionId: SessionId });

export const SessionInfo = z.object({
  sessionId: SessionId,
  containerId: z.string().nullable(),
  language: z.string(),
  createdAt: z.string(),
  lastActivity: z.string(),
  state: SessionState,
  executionCount: z.int(),
  idleMinutes: z.number(),
  lifetimeMinutes: z.number(),
  closeReason: z.string().optional(),
});
export type SessionInfo = z.infer<typeof SessionInfo>;

export const SessionListResult = z.object({ count: z.int(), sessions: z.array(SessionInfo) });
export const SessionCloseResult = z.object({ sessionId: SessionId, closed: z.literal(true) });
export const SessionDetachResult = z.object({ sessionId: SessionId, detached: z.boolean() });
