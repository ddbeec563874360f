import type { Method } from "../context.ts";
import { answeredInTime } from "../deadline.ts";
import { followBeside } from "../follow.ts";
import { requireCommand } from "../known-command.ts";

/** Answers where the command is, then sends its output from `fromSeq` on, and its end. */
export const executionAttach: Method<"execution.attach"> = async ({ commandId, fromSeq }, ctx, caller) => {
  const { sessionId, kind, state, base, lastSeq } = await answeredInTime(requireCommand(ctx, commandId));
  followBeside(ctx, caller, { sessionId, commandId, kind }, fromSeq, false);
  return { sessionId, commandId, state, firstSeq: base, lastSeq };
};
