import { redisTimeMs } from "../../shared/redis/client.ts";
import { readSession } from "../../shared/redis/sessions.ts";
import { sessionNotFound } from "../accept.ts";
import type { Method } from "../context.ts";
import { answeredInTime } from "../deadline.ts";
import { describeSession } from "../session-view.ts";

/** One session; also one that has ended, while it is remembered. */
export const sessionGet: Method<"session.get"> = ({ sessionId }, { redis, keys }) =>
  answeredInTime(
    (async () => {
      const [record, nowMs] = await Promise.all([readSession(redis, keys, sessionId), redisTimeMs(redis)]);
      if (!record) throw sessionNotFound(sessionId);
      return describeSession(redis, keys, sessionId, record, nowMs);
    })(),
  );
