import type { Method } from "../context.ts";

/** Ends what session.attach began on this connection; commands that are followed already are followed to their end. */
export const sessionDetach: Method<"session.detach"> = async ({ sessionId }, _ctx, caller) => ({
  sessionId,
  detached: caller.attachments.end(sessionId),
});
