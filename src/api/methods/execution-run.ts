import { randomUUID } from "node:crypto";
import { ExecuteCode } from "../../shared/protocol/commands.ts";
import type { MethodParams } from "../../shared/protocol/methods.ts";
import { commandFields, readCommand, requestHash } from "../../shared/redis/commands.ts";
import { createSession, type SessionSpec } from "../../shared/redis/sessions.ts";
import { commandIdTaken } from "../accept.ts";
import type { ApiContext, Caller, Method } from "../context.ts";
import { deliveryOf } from "../delivery.ts";
import { answerWithResult } from "../execute.ts";
import { followBeside } from "../follow.ts";
import { openFollower } from "../output-follower.ts";
import { checkOutputLimit, parseParams } from "../params.ts";
import { tooManyWaiting, wantedLanguage } from "../placement.ts";
import { startedResult } from "../results.ts";
import { createAndRing, ringUntilClaimed } from "../session-opening.ts";

/** The session outlives the time of its program by this: output that waits for Redis stops that clock. */
const SPARE_LIFETIME_MINUTES = 10;
const MINUTE_MS = 60_000;

type RunParams = MethodParams<"execution.run">;

/** Runs one program in a session of its own, which ends with it. */
export const executionRun: Method<"execution.run"> = async (params, ctx, caller) => {
  checkOutputLimit(params.maxOutputBytes, ctx.config.maxOutputBytes);
  const { name, image } = wantedLanguage(params.language);
  const { code, files, args, stdin, memoryLimitMB, cpus, commandId = randomUUID() } = params;
  const command = parseParams(ExecuteCode, { type: "execute_code", code, files, args, stdin });
  const hash = requestHash({ language: name, command, memoryLimitMB, cpus });
  const delivery = deliveryOf(params, false);
  const lifetimeMinutes = (delivery.timeoutMs ?? 0) / MINUTE_MS + SPARE_LIFETIME_MINUTES;
  const spec: SessionSpec = {
    language: name,
    image,
    ephemeral: true,
    idleTimeoutMinutes: SPARE_LIFETIME_MINUTES,
    maxLifetimeMinutes: lifetimeMinutes,
    memoryLimitMB,
    cpus,
  };

  const { redis, keys, config, acceptance } = ctx;
  const refusal = ctx.memory.refusal();
  if (refusal && !(await readCommand(redis, keys, commandId))) throw refusal;

  const sessionId = randomUUID();
  const attachment = params.stream ? caller.attachments.take(commandId) : undefined;
  const follower = openFollower(ctx, { sessionId, commandId });
  const waiting = new AbortController();
  try {
    const fields = { ...commandFields(command, delivery), requestHash: hash };
    const create = () =>
      createSession(redis, keys, sessionId, spec, params.queueTimeoutMs, config.createQueue, {
        command: { commandId, fields },
      });
    const created = await acceptance.inOrder(
      sessionId,
      follower.ready,
      () => createAndRing(ctx, sessionId, create, waiting.signal),
      commandId,
    );
    if (created !== "created") waiting.abort();
    if (created === "overloaded") throw tooManyWaiting(config.createQueue);
    if (created === "taken") return await joinRun(params, commandId, hash, ctx, caller);
    if (!params.wait) {
      if (params.stream) followBeside(ctx, caller, { sessionId, commandId, kind: "program" }, 1, true);
      return startedResult({ sessionId, commandId, state: "queued" });
    }
    const result = await answerWithResult(ctx, caller, { sessionId, commandId }, follower, {
      kind: "program",
      keep: delivery.keep,
      streamUntil: attachment?.signal,
    });
    // Not where the connection is gone: the program runs all the same.
    waiting.abort();
    return result;
  } finally {
    follower.close();
    attachment?.release();
  }
};

/** A request that was accepted before: its first result, or its output from the start. */
async function joinRun(
  { stream, wait }: RunParams,
  commandId: string,
  hash: string,
  ctx: ApiContext,
  caller: Caller,
) {
  const record = await readCommand(ctx.redis, ctx.keys, commandId);
  if (record?.requestHash !== hash) throw commandIdTaken(commandId);
  const { sessionId, kind, keep, state } = record;
  if (!wait) {
    if (stream) followBeside(ctx, caller, { sessionId, commandId, kind }, 1, true);
    return startedResult({ sessionId, commandId, state });
  }
  const attachment = stream ? caller.attachments.take(commandId) : undefined;
  const waiting = new AbortController();
  const follower = openFollower(ctx, { sessionId, commandId });
  try {
    await follower.ready;
    follower.readAgain();
    if (state === "queued") void ringUntilClaimed(ctx, sessionId, waiting.signal);
    return await answerWithResult(ctx, caller, { sessionId, commandId }, follower, {
      kind,
      keep,
      streamUntil: attachment?.signal,
    });
  } finally {
    waiting.abort();
    follower.close();
    attachment?.release();
  }
}
