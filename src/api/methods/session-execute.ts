import { randomUUID } from "node:crypto";
import { runsProgram } from "../../shared/protocol/commands.ts";
import type { ExecuteResult, SessionExecuteParams } from "../../shared/protocol/executions.ts";
import { commandFields, readCommand, requestHash } from "../../shared/redis/commands.ts";
import type { NewCommand } from "../accept.ts";
import type { ApiContext, Caller, Method } from "../context.ts";
import { deliveryOf } from "../delivery.ts";
import { answerWithResult } from "../execute.ts";
import { followBeside } from "../follow.ts";
import { requireCommand } from "../known-command.ts";
import { openFollower } from "../output-follower.ts";
import { checkOutputLimit } from "../params.ts";
import { startedResult } from "../results.ts";

/** Runs one command in a session. What this does up to the acceptance keeps the order of the requests. */
export const sessionExecute: Method<"session.execute"> = (params, ctx, caller) => {
  checkOutputLimit(params.maxOutputBytes, ctx.config.maxOutputBytes);
  const { sessionId, command, commandId = randomUUID() } = params;
  const fields = commandFields(command, deliveryOf(params, params.background));
  const accepted = { commandId, sessionId, hash: requestHash(command), fields };
  return params.background
    ? startInBackground(params, accepted, ctx, caller)
    : runToEnd(params, accepted, ctx, caller);
};

async function runToEnd(
  { command, keep = "head", stream }: SessionExecuteParams,
  accepted: NewCommand,
  ctx: ApiContext,
  caller: Caller,
): Promise<ExecuteResult> {
  const { sessionId, commandId } = accepted;
  const attachment = stream ? caller.attachments.take(commandId) : undefined;
  const follower = openFollower(ctx, { sessionId, commandId });
  let onEnded = () => {};
  try {
    const { isRepeat, ended } = await ctx.acceptance.accept(accepted, follower.ready);
    onEnded = ended;
    const kept = isRepeat ? (await readCommand(ctx.redis, ctx.keys, commandId))?.keep : keep;
    if (isRepeat) follower.readAgain();
    return await answerWithResult(ctx, caller, { sessionId, commandId }, follower, {
      kind: runsProgram(command.type) ? "program" : "file",
      keep: kept ?? keep,
      streamUntil: attachment?.signal,
    });
  } finally {
    onEnded();
    follower.close();
    attachment?.release();
  }
}

async function startInBackground(
  { command, stream }: SessionExecuteParams,
  accepted: NewCommand,
  ctx: ApiContext,
  caller: Caller,
): Promise<ExecuteResult> {
  const { sessionId, commandId } = accepted;
  const { isRepeat } = await ctx.acceptance.accept(accepted, undefined);
  if (stream) {
    const kind = runsProgram(command.type) ? "program" : "file";
    followBeside(ctx, caller, { sessionId, commandId, kind }, 1, true);
  }
  const state = isRepeat ? (await requireCommand(ctx, commandId)).state : "queued";
  return startedResult({ sessionId, commandId, state });
}
