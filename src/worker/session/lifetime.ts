import { pause } from "../../shared/pause.ts";
import type { WorkerContext } from "../context.ts";
import type { Sessions } from "./start.ts";

const CHECK_MS = 1000;

/** Ends sessions that have reached the end of their life, or have been idle for too long, until the tenure ends. */
export async function watchLifetimes(ctx: WorkerContext, sessions: Sessions): Promise<void> {
  while (await pause(CHECK_MS, ctx.signal)) {
    for (const session of sessions.live.values()) {
      const ending =
        performance.now() >= session.endsAt
          ? session.close("lifetime")
          : session.idleForMs() >= session.idleTimeoutMs
            ? session.close("idle", session.idleTimeoutMs)
            : undefined;
      ending?.catch((error: unknown) => {
        ctx.log.warn(
          { err: error, sessionId: session.sessionId },
          "the session could not be ended; trying again",
        );
      });
    }
  }
}
