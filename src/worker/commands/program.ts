import type { ProgramCommand } from "../../shared/protocol/commands.ts";
import type { Step } from "../agent/messages.ts";

const DEFAULT_TERMINAL = { columns: 80, rows: 24 };

/** The step that runs a program as its command says: where, with what environment, input and terminal. */
export function programStep(command: ProgramCommand, argv: string[]): Step {
  const { env, workingDirectory, stdin, keepStdinOpen, pty } = command;
  const open = keepStdinOpen || pty !== false;
  return {
    op: "run",
    argv,
    env,
    cwd: workingDirectory,
    stdin: stdin === undefined && !open ? undefined : { data: stdin ?? "", encoding: "utf8", open },
    pty: pty === true ? DEFAULT_TERMINAL : pty === false ? undefined : pty,
  };
}
