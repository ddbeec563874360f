import { ProtocolError } from "../shared/protocol/errors.ts";
import type { ExecuteResult } from "../shared/protocol/executions.ts";
import type { ApiContext, Caller } from "./context.ts";
import { type CollectedOutput, createCollector } from "./output-collector.ts";
import { createOutputCursor, type OutputSink } from "./output-cursor.ts";
import type { CommandEnd, CommandRef, OutputFollower } from "./output-follower.ts";
import { executeResult } from "./results.ts";
import { notifyEnded, notifyGap, notifyOutput } from "./stream.ts";

export interface FollowOptions {
  kind: "program" | "file";
  keep: "head" | "tail";
  /** Absent: the caller gets no notifications. Aborted: no more, since it has detached or attached anew. */
  streamUntil: AbortSignal | undefined;
}

/** Waits for the end of an accepted command, streaming meanwhile where that is wanted, and answers with its result. */
export async function answerWithResult(
  ctx: ApiContext,
  caller: Caller,
  command: CommandRef,
  follower: OutputFollower,
  { kind, keep, streamUntil }: FollowOptions,
): Promise<ExecuteResult> {
  const streams = () => streamUntil !== undefined && !streamUntil.aborted;
  if (streams()) caller.notify("execution.started", { ...command });
  const collector = createCollector(keep);
  const sink: OutputSink = {
    chunk: (chunk) => {
      collector.add(chunk);
      // Without a stream, too: the more a client is behind, the less is collected for it.
      return streams() ? notifyOutput(caller, command, chunk) : caller.caughtUp();
    },
    gap: (gap) => (streams() ? notifyGap(caller, command, gap) : undefined),
  };
  const end = await follower.follow(sink, caller.signal);
  if (!end) throw new ProtocolError("INTERNAL_ERROR", "The connection is gone.");
  if (streams()) await notifyEnded(caller, command, kind, end);
  // What was dropped meanwhile (`keep: tail`) has gone through the collector: the answer is what is kept.
  const output =
    end.base > 1
      ? await collectStored(ctx, command.commandId, end, keep, caller.signal)
      : collector.collected();
  return executeResult(command.commandId, kind, end, output);
}

/** The stored output of a command that has ended, as its answer holds it. */
export async function collectStored(
  ctx: ApiContext,
  commandId: string,
  end: CommandEnd,
  keep: "head" | "tail",
  signal: AbortSignal,
): Promise<CollectedOutput> {
  const collector = createCollector(keep);
  const sink: OutputSink = {
    chunk: (chunk) => {
      collector.add(chunk);
      return undefined;
    },
    gap: () => undefined,
  };
  const cursor = createOutputCursor(ctx.redis, ctx.keys, commandId, end.base, sink, signal);
  while (cursor.next() <= end.lastSeq && !collector.full() && !signal.aborted)
    await cursor.fetch(end.lastSeq);
  return collector.collected();
}
