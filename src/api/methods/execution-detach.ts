import type { Method } from "../context.ts";

/** Ends the notifications of a command on this connection. */
export const executionDetach: Method<"execution.detach"> = async ({ commandId }, _ctx, caller) => ({
  commandId,
  detached: caller.attachments.end(commandId),
});
