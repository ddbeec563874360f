import { redisTimeMs } from "../../shared/redis/client.ts";
import { hasEnded, listSessions } from "../../shared/redis/sessions.ts";
import type { Method } from "../context.ts";
import { answeredInTime } from "../deadline.ts";
import { describeSession } from "../session-view.ts";

/** All live sessions, oldest first. */
export const sessionList: Method<"session.list"> = (_params, { redis, keys }) =>
  answeredInTime(
    (async () => {
      const [records, nowMs] = await Promise.all([listSessions(redis, keys), redisTimeMs(redis)]);
      const live = records.filter(({ state }) => !hasEnded(state));
      const sessions = await Promise.all(
        live.map((record) => describeSession(redis, keys, record.sessionId, record, nowMs)),
      );
      return { count: sessions.length, sessions };
    })(),
  );
