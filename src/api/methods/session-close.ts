import { closeSession } from "../../shared/redis/sessions.ts";
import { sessionNotFound } from "../accept.ts";
import type { Method } from "../context.ts";

/** Ends a session; one that has ended already is no error, so that a client can repeat the request. */
export const sessionClose: Method<"session.close"> = async ({ sessionId }, ctx) => {
  const { redis, keys, config, acceptance } = ctx;
  const state = await acceptance.inOrder(sessionId, undefined, () =>
    closeSession(redis, keys, sessionId, config.retentionSeconds),
  );
  if (state === undefined) throw sessionNotFound(sessionId);
  return { sessionId, closed: true };
};
