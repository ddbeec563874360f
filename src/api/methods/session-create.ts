import { randomUUID } from "node:crypto";
import { ProtocolError } from "../../shared/protocol/errors.ts";
import type { SessionCreateParams, SessionCreateResult } from "../../shared/protocol/sessions.ts";
import { requestHash } from "../../shared/redis/commands.ts";
import {
  createSession,
  readIdempotency,
  type SessionRecord,
  type SessionSpec,
} from "../../shared/redis/sessions.ts";
import { within } from "../../shared/within.ts";
import { sessionNotOpen } from "../accept.ts";
import type { ApiContext, Method } from "../context.ts";
import { tooManyWaiting, wantedLanguage } from "../placement.ts";
import { createAndRing, createWakeup, untilOpened } from "../session-opening.ts";

/** Within it a session is open, or fails. */
const DEADLINE_MS = 30_000;
/** Time for the reaper to say so. */
const GRACE_MS = 8000;

/** Creates a session and answers when it is open. */
export const sessionCreate: Method<"session.create"> = async (params, ctx) => {
  const { name, image } = wantedLanguage(params.language);
  const refusal = ctx.memory.refusal();
  if (refusal) throw refusal;
  const { idempotencyKey: _, ...content } = params;
  const { idleTimeoutMinutes, maxLifetimeMinutes, memoryLimitMB, cpus } = params;
  const spec: SessionSpec = {
    language: name,
    image,
    ephemeral: false,
    idleTimeoutMinutes,
    maxLifetimeMinutes,
    memoryLimitMB,
    cpus,
  };
  const idempotency = idempotencyOf(params, requestHash({ ...content, language: name }), ctx);
  const { redis, keys, config } = ctx;
  const sessionId = randomUUID();
  const create = () =>
    createSession(redis, keys, sessionId, spec, DEADLINE_MS, config.createQueue, { idempotency });

  const answer = await untilOpen(ctx, sessionId, params, name, create);
  if (answer !== "taken") return answer;
  const first = idempotency && (await readIdempotency(redis, keys, idempotency.key));
  if (first?.requestHash !== idempotency?.requestHash || !first) throw keyTaken(params.idempotencyKey ?? "");
  const repeated = await untilOpen(ctx, first.sessionId, params, name, undefined);
  if (repeated === "taken") throw keyTaken(params.idempotencyKey ?? "");
  return repeated;
};

function idempotencyOf(
  { idempotencyKey, maxLifetimeMinutes }: SessionCreateParams,
  hash: string,
  ctx: ApiContext,
) {
  if (idempotencyKey === undefined) return undefined;
  // For as long as the session can be seen.
  const rememberedSeconds = Math.ceil(maxLifetimeMinutes * 60) + ctx.config.retentionSeconds;
  return { key: idempotencyKey, requestHash: hash, rememberedSeconds };
}

/** Creates the session, unless an earlier request has, and waits until it is open. */
async function untilOpen(
  ctx: ApiContext,
  sessionId: string,
  { idleTimeoutMinutes, maxLifetimeMinutes }: SessionCreateParams,
  language: string,
  create: (() => Promise<"created" | "overloaded" | "taken">) | undefined,
): Promise<SessionCreateResult | "taken"> {
  const happened = createWakeup();
  const subscription = ctx.subscriptions.listen(sessionId, {
    onEvent: (event) => event.type === "session" && happened.wake(),
    onGap: happened.wake,
  });
  const waiting = new AbortController();
  try {
    if (create) {
      const created = await ctx.acceptance.inOrder(sessionId, subscription.ready, () =>
        createAndRing(ctx, sessionId, create, waiting.signal),
      );
      if (created === "overloaded") throw tooManyWaiting(ctx.config.createQueue);
      if (created === "taken") return "taken";
    } else {
      await subscription.ready;
      happened.wake();
    }
    const deadline = AbortSignal.timeout(DEADLINE_MS + GRACE_MS);
    const record = await within(
      DEADLINE_MS + 2 * GRACE_MS,
      untilOpened(ctx, sessionId, happened, deadline),
      () =>
        new ProtocolError(
          "OVERLOADED",
          `Redis did not say in time whether the session ${sessionId} is open.`,
        ),
    );
    const { containerId, createdAt } = requireOpen(sessionId, record);
    return {
      sessionId,
      containerId,
      language,
      createdAt,
      state: "Active",
      config: { idleTimeoutMinutes, maxLifetimeMinutes },
    };
  } finally {
    waiting.abort();
    subscription.close();
  }
}

function keyTaken(key: string): ProtocolError {
  return new ProtocolError(
    "IDEMPOTENCY_CONFLICT",
    `The idempotencyKey ${key} belongs to another request. Use a new one, or repeat that request as it was.`,
  );
}

/** What is known of a session only once it is open; else an error that says why it is not. */
function requireOpen(sessionId: string, record: SessionRecord | undefined) {
  if (record?.state === "Open" && record.containerId !== undefined) {
    const { containerId, createdAt } = record;
    return { containerId, createdAt };
  }
  if (record && record.owner === undefined && (record.state === "Failed" || record.state === "Creating")) {
    throw new ProtocolError(
      "OVERLOADED",
      `No worker had a place for the session within ${DEADLINE_MS / 1000} s. Try again later, or add a worker or slots (CODEBEAKER_SLOTS).`,
    );
  }
  throw sessionNotOpen(sessionId, record?.state ?? "Lost", record?.closeReason ?? "");
}
