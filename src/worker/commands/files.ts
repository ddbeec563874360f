import type { z } from "zod";
import type { Command, WriteFile } from "../../shared/protocol/commands.ts";
import type { Step } from "../agent/messages.ts";

type FileCommand = Exclude<Command, { type: "execute_shell" | "execute_code" }>;

const WRITE_MODES = {
  Create: "create",
  Append: "append",
  Overwrite: "overwrite",
  CreateNew: "createNew",
} as const satisfies Record<z.infer<typeof WriteFile>["mode"], string>;

/** A file command is one step of the agent, with the rights of the sandbox user. */
export function planFile(command: FileCommand): Step[] {
  switch (command.type) {
    case "write_file": {
      const { path, content, encoding, mode, offset } = command;
      return [{ op: "write", path, content, encoding, mode: WRITE_MODES[mode], offset }];
    }
    case "read_file": {
      const { path, encoding, offset, length } = command;
      return [{ op: "read", path, encoding, offset, length }];
    }
    case "create_directory":
      return [{ op: "mkdir", path: command.path }];
    case "copy_file": {
      const { source, destination, overwrite } = command;
      return [{ op: "copy", source, destination, overwrite }];
    }
    case "move_file": {
      const { source, destination, overwrite } = command;
      return [{ op: "move", source, destination, overwrite }];
    }
    case "delete_file":
      return [{ op: "remove", path: command.path, recursive: command.recursive, ignoreMissing: false }];
    case "stat_file":
      return [{ op: "stat", path: command.path }];
    case "list_files": {
      const { path, recursive, includeHidden } = command;
      return [{ op: "list", path, recursive, includeHidden }];
    }
  }
}
