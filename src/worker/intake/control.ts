import { ackControl, type Control, readControl } from "../../shared/redis/control.ts";
import { pause, type WorkerContext } from "../context.ts";
import type { Sessions } from "../session/start.ts";

const RETRY_MS = 1000;

/**
 * What must not wait behind commands: closing a session, cancelling a command, its input, the size of its terminal. Reads
 * the worker's stream from its start, so that nothing is missed that came while no process was there; an entry is deleted
 * once it has been carried out.
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
        obey(sessions, entry.control)
          .then(() => ackControl(ctx.redis, ctx.keys, ctx.tenure.workerId, entry.id))
          .catch((error: unknown) => ctx.log.warn({ err: error }, "a control entry was not carried out"));
      }
    } catch {
      await pause(RETRY_MS, ctx.signal);
    }
  }
}

/** A session that is just being started sees its record; one that is not here is none of this worker's. */
async function obey(sessions: Sessions, control: Control | undefined): Promise<void> {
  const session = control && sessions.live.get(control.sessionId);
  if (!session) return;
  if (control.type === "close") await session.close("closed by the client");
  else await session.control(control);
}
