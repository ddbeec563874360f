import { z } from "zod";

/** A command goes `queued` → `running` → exactly one of the others (DESIGN §4). */
export const CommandState = z
  .enum(["queued", "running", "exited", "failed", "cancelled", "expired", "lost"])
  .describe("Where the command is, or how it ended.");
export type CommandState = z.infer<typeof CommandState>;

/** Whose doing the end of a command is. */
export const Fault = z
  .enum(["none", "program", "limit", "infrastructure", "caller"])
  .describe("Whose doing its end was.");
export type Fault = z.infer<typeof Fault>;

/** Which limit ended it, with the fault `limit`. */
export const Limit = z
  .enum(["time", "memory", "disk"])
  .describe("Which limit ended it, with the fault `limit`.");
export type Limit = z.infer<typeof Limit>;

export type TerminalState = Exclude<CommandState, "queued" | "running">;

export function isTerminal(state: CommandState): state is TerminalState {
  return state !== "queued" && state !== "running";
}
