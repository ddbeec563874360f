import { ProtocolError } from "../shared/protocol/errors.ts";
import { type CommandRecord, readCommand } from "../shared/redis/commands.ts";
import type { ApiContext } from "./context.ts";

export function commandNotFound({ config }: ApiContext, commandId: string): ProtocolError {
  return new ProtocolError(
    "COMMAND_NOT_FOUND",
    `There is no command ${commandId}, or its retention of ${config.retentionSeconds} s after its end has passed.`,
  );
}

export function commandEnded(commandId: string, state: string): ProtocolError {
  return new ProtocolError("COMMAND_ENDED", `The command ${commandId} has ended (${state}).`);
}

/** The record of a command. @throws ProtocolError COMMAND_NOT_FOUND */
export async function requireCommand(ctx: ApiContext, commandId: string): Promise<CommandRecord> {
  const record = await readCommand(ctx.redis, ctx.keys, commandId);
  if (!record) throw commandNotFound(ctx, commandId);
  return record;
}
