import { randomUUID } from "node:crypto";
import { runsProgram } from "../../shared/protocol/commands.ts";
import { commandFields, readCommand, requestHash } from "../../shared/redis/commands.ts";
import type { Method } from "../context.ts";
import { answerWithResult } from "../execute.ts";
import { openFollower } from "../output-follower.ts";
import { checkOutputLimit } from "../params.ts";

/** Runs one command in a session. What this does up to the acceptance keeps the order of the requests. */
export const sessionExecute: Method<"session.execute"> = async (params, ctx, caller) => {
  checkOutputLimit(params.maxOutputBytes, ctx.config.maxOutputBytes);
  const { sessionId, command, stream, keep, commandId = randomUUID() } = params;
  const hash = requestHash(command);
  const fields = commandFields(command, { ...params, background: false });

  const follower = openFollower(ctx, { sessionId, commandId });
  try {
    const { isRepeat } = await ctx.acceptance.accept({ commandId, sessionId, hash, fields }, follower.ready);
    const kept = isRepeat ? (await readCommand(ctx.redis, ctx.keys, commandId))?.keep : keep;
    if (isRepeat) follower.readAgain();
    const kind = runsProgram(command.type) ? "program" : "file";
    return await answerWithResult(ctx, caller, { sessionId, commandId }, follower, {
      kind,
      keep: kept ?? keep,
      stream,
    });
  } finally {
    follower.close();
  }
};
