import { z } from "zod";
import { CommandState, Fault, Limit, type TerminalState } from "./verdict.ts";

/** How a command ended: what is written into its record when it becomes terminal. */
export interface Outcome {
  state: TerminalState;
  fault: Fault;
  limit?: Limit;
  /** One sentence: why, and what to do. Absent for `exited`. */
  error?: string;
  exitCode?: number;
  signal?: string;
  cpuMs?: number;
  wallMs?: number;
  peakMemoryBytes?: number;
  oomKills?: number;
  durationMs?: number;
  /** JSON of what a file command answers. */
  result?: string;
}

const number = z.coerce.number();

/** The same as read back from Redis, where everything is a string. */
export const StoredOutcome = z.object({
  state: CommandState,
  fault: Fault.optional(),
  limit: Limit.optional(),
  error: z.string().optional(),
  exitCode: number.optional(),
  signal: z.string().optional(),
  cpuMs: number.optional(),
  wallMs: number.optional(),
  peakMemoryBytes: number.optional(),
  oomKills: number.optional(),
  durationMs: number.optional(),
  result: z.string().optional(),
});
export type StoredOutcome = z.infer<typeof StoredOutcome>;

/** Ends that no program saw. */
export const OUTCOMES = {
  expired: {
    state: "expired",
    fault: "infrastructure",
    error:
      "The command was not started within queueTimeoutMs. Send it again, or wait for what runs before it.",
  },
  cancelledBeforeStart: {
    state: "cancelled",
    fault: "caller",
    error: "The command was cancelled before it started.",
  },
  closedBeforeStart: {
    state: "cancelled",
    fault: "caller",
    error: "The session was closed before the command started.",
  },
  closedWhileRunning: {
    state: "cancelled",
    fault: "caller",
    error: "The session was closed while the command ran.",
  },
  lost: {
    state: "lost",
    fault: "infrastructure",
    error:
      "The end of the command was not seen, since its container, worker or host failed. It may have run in part: check before you run it again.",
  },
  sessionLost: {
    state: "failed",
    fault: "infrastructure",
    error: "The session was lost before the command started. Create a new session and send it again.",
  },
} as const satisfies Record<string, Outcome>;
