import { pause } from "../../shared/pause.ts";
import { ackControl, type Control, readControl } from "../../shared/redis/control.ts";
import { hasEnded, readSession } from "../../shared/redis/sessions.ts";
import type { WorkerContext } from "../context.ts";
import type { Sessions } from "../session/start.ts";

const RETRY_MS = 1000;
const NOT_HERE_YET_MS = 200;

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
        obey(ctx, sessions, entry.control)
          .then(() => ackControl(ctx.redis, ctx.keys, ctx.tenure.workerId, entry.id))
          .catch((error: unknown) => ctx.log.warn({ err: error }, "a control entry was not carried out"));
      }
    } catch {
      await pause(RETRY_MS, ctx.signal);
    }
  }
}

/**
 * A session of this worker that is not here yet is being started, or adopted from an earlier process: its entries wait. One
 * that has ended needs nothing any more.
 */
async function obey(ctx: WorkerContext, sessions: Sessions, control: Control | undefined): Promise<void> {
  if (!control) return;
  for (;;) {
    const session = sessions.live.get(control.sessionId);
    if (session) {
      if (control.type === "close") return session.close("closed by the client");
      return session.control(control);
    }
    const record = await readSession(ctx.redis, ctx.keys, control.sessionId);
    const isOurs = record?.owner === ctx.tenure.workerId && !hasEnded(record.state);
    if (!isOurs) return;
    if (!(await pause(NOT_HERE_YET_MS, ctx.signal))) throw new Error("the tenure has ended");
  }
}
