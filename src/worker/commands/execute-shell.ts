import type { Command } from "../../shared/protocol/commands.ts";
import type { Step } from "../agent/messages.ts";
import { programStep } from "./program.ts";

type ExecuteShell = Extract<Command, { type: "execute_shell" }>;

/** argv as given: nothing of it is read by a shell. */
export function planShell(command: ExecuteShell): Step[] {
  return [programStep(command, [command.commandName, ...command.args])];
}
