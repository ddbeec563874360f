import { ackControl, readControl } from "../../shared/redis/control.ts";
import { pause, type WorkerContext } from "../context.ts";
import type { Sessions } from "../session/start.ts";

const RETRY_MS = 1000;

/**
 * What must not wait behind commands: closing a session. Reads the worker's stream from its start, so that nothing is
 * missed that came while no process was there; an entry is deleted once it has been carried out.
 */
export async function obeyControl(ctx: WorkerContext, sessions: Sessions): Promise<void> {
  // A blocking read holds its connection.
  const connection = ctx.redis.duplicate();
  connection.on("error", () => {});
  ctx.signal.addEventListener("abort", () => connection.disconnect());
  let after = "0";
  while (!ctx.signal.aborted) {
    try {
      for (const entry of await readControl(connection, ctx.keys, ctx.tenure.workerId, after)) {
        after = entry.id;
        // A session that is just being started sees its record; one that is not here is none of this worker's.
        const closing =
          sessions.live.get(entry.sessionId)?.close("closed by the client") ?? Promise.resolve();
        closing
          .then(() => ackControl(ctx.redis, ctx.keys, ctx.tenure.workerId, entry.id))
          .catch((error: unknown) =>
            ctx.log.warn({ err: error }, "a session was not closed; reconciling will"),
          );
      }
    } catch {
      await pause(RETRY_MS, ctx.signal);
    }
  }
}
