import type { Command } from "../../shared/protocol/commands.ts";
import type { Step } from "../agent/messages.ts";

type ExecuteShell = Extract<Command, { type: "execute_shell" }>;

/** argv as given: nothing of it is read by a shell. */
export function planShell(command: ExecuteShell): Step[] {
  return [
    {
      op: "run",
      argv: [command.commandName, ...command.args],
      env: command.env,
      cwd: command.workingDirectory,
      stdin: command.stdin === undefined ? undefined : { data: command.stdin, encoding: "utf8" },
    },
  ];
}
