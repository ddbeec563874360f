import type { ApiContext, Caller } from "./context.ts";
import type { OutputSink } from "./output-cursor.ts";
import { type CommandRef, type OutputFollower, openFollower } from "./output-follower.ts";
import { notifyEnded, notifyGap, notifyOutput } from "./stream.ts";

/** A command that notifications are sent of. */
export interface FollowedCommand extends CommandRef {
  kind: "program" | "file";
}

/** Sends the output of a command and its end to a connection, as fast as that reads, until it ends or `signal` is aborted. */
export async function notifyUntilEnd(
  caller: Caller,
  command: FollowedCommand,
  follower: OutputFollower,
  signal: AbortSignal,
): Promise<void> {
  const { sessionId, commandId } = command;
  const ref = { sessionId, commandId };
  const sink: OutputSink = {
    chunk: (chunk) => (signal.aborted ? undefined : notifyOutput(caller, ref, chunk)),
    gap: (gap) => (signal.aborted ? undefined : notifyGap(caller, ref, gap)),
  };
  const end = await follower.follow(sink, signal);
  if (end && !signal.aborted) await notifyEnded(caller, ref, command.kind, end);
}

/**
 * The same beside the request that asked for it, which is answered first. Takes the place of what followed the command on
 * this connection before.
 */
export function followBeside(
  ctx: ApiContext,
  caller: Caller,
  command: FollowedCommand,
  fromSeq: number,
  announce: boolean,
): void {
  const { sessionId, commandId } = command;
  const attachment = caller.attachments.take(commandId);
  const follower = openFollower(ctx, { sessionId, commandId }, fromSeq);
  const follow = async () => {
    await follower.ready;
    follower.readAgain();
    if (announce) caller.notify("execution.started", { sessionId, commandId });
    await notifyUntilEnd(caller, command, follower, attachment.signal);
  };
  // In a later turn: the answer is on its way by then.
  setImmediate(() => {
    follow()
      .catch((error: unknown) => ctx.log.warn({ err: error, commandId }, "a command could not be followed"))
      .finally(() => {
        follower.close();
        attachment.release();
      });
  });
}
