import type { Command } from "../../shared/protocol/commands.ts";
import type { Plan, Step } from "../agent/messages.ts";
import { planCode } from "./execute-code.ts";
import { planShell } from "./execute-shell.ts";
import { planFile } from "./files.ts";

/** What the agent has to do for a command. */
export function planOf(command: Command, language: string, timeoutMs: number | undefined): Plan {
  return { timeoutMs, steps: stepsOf(command, language) };
}

function stepsOf(command: Command, language: string): Step[] {
  switch (command.type) {
    case "execute_shell":
      return planShell(command);
    case "execute_code":
      return planCode(command, language);
    default:
      return planFile(command);
  }
}
