import { z } from "zod";
import { Command } from "../shared/protocol/commands.ts";
import { OUTCOMES, type Outcome } from "../shared/protocol/outcomes.ts";
import type { CommandParams, TakenCommand } from "../shared/redis/commands.ts";
import type { Cancellation } from "../shared/redis/control.ts";
import { storeInputTaken } from "../shared/redis/input.ts";
import { type AppendResult, appendOutput, type LogChunk } from "../shared/redis/output.ts";
import type { AgentConnection } from "./agent/connection.ts";
import type { AgentEnd, Plan, StartRefused } from "./agent/messages.ts";
import { planOf } from "./commands/plan.ts";
import type { WorkerContext } from "./context.ts";
import { createInputPump, type InputPiece } from "./input.ts";
import { createOutputWriter } from "./output-writer.ts";
import { verdict } from "./verdict.ts";

const Params = z.object({
  command: Command,
  timeoutMs: z.number().optional(),
  background: z.boolean(),
}) satisfies z.ZodType<CommandParams>;

const STORE_RETRY_MS = 1000;

/** The session that it runs in. */
export interface ExecutionSession {
  sessionId: string;
  epoch: number;
  language: string;
  memoryLimitMB: number;
}

/**
 * A running program: the agent on one side, output and verdict on the other. It outlives connections.
 *
 * begun ──end or refusal of the agent──▶ ended, being stored ──▶ stored
 *   └──abandon (the container is gone: the session ends it)──────────┘
 */
export interface Execution {
  commandId: string;
  /** Those behind it do not wait for its end. */
  background: boolean;
  /** Takes up the command on a connection: the first, or a next one after a break. */
  continueOn: (connection: AgentConnection) => void;
  onOutput: (chunk: LogChunk) => void;
  onEnd: (end: AgentEnd) => void;
  onStartRefused: (refusal: StartRefused) => void;
  onInputTaken: (offset: number) => void;
  /** Tells all that the command started to end; `reason` is what its error says. */
  cancel: (how: Cancellation, reason: string) => void;
  input: (piece: InputPiece) => Promise<void>;
  resize: (columns: number, rows: number) => void;
  /** Its session has ended, and the record with it: nothing more will come. */
  abandon: () => void;
  done: Promise<AppendResult>;
}

export function createExecution(
  ctx: WorkerContext,
  session: ExecutionSession,
  taken: TakenCommand,
): Execution {
  const { commandId } = taken;
  const { command, timeoutMs, background } = Params.parse(JSON.parse(taken.params));
  const plan: Plan = planOf(command, session.language, timeoutMs);
  const startedAt = performance.now();
  let connection: AgentConnection | undefined;
  let cancelled: { how: Cancellation; reason: string } | undefined;
  let ended = false;

  const input = createInputPump(commandId, taken.inputTaken, (offset) => {
    storeInputTaken(ctx.redis, ctx.keys, ctx.tenure, session, commandId, offset).catch(() => {});
  });

  const writer = createOutputWriter(
    async (chunks, outcome) => {
      if (!outcome && ctx.isMemoryFull()) throw new Error("Redis is nearly full");
      const result = await appendOutput(
        ctx.redis,
        ctx.keys,
        ctx.tenure,
        { sessionId: session.sessionId, epoch: session.epoch, commandId },
        chunks,
        outcome,
        ctx.config.retentionSeconds,
      );
      // The record may have been ended by close or the reaper: the agent can forget it just as well.
      if (outcome && result.status !== "fenced") connection?.acknowledgeEnd(commandId);
      return result;
    },
    (offset) => connection?.acknowledge(commandId, offset),
    taken.storedOffset,
    STORE_RETRY_MS,
    ctx.signal,
  );

  const finish = (outcome: Outcome) => {
    if (ended) return;
    ended = true;
    input.end();
    writer.end({ ...outcome, durationMs: Math.round((performance.now() - startedAt) * 1000) / 1000 });
  };

  return {
    commandId,
    background,
    continueOn: (next) => {
      connection = next;
      // What is running and unknown to a living agent was never started: then it may be.
      if (next.known.has(commandId)) next.resume(commandId, writer.storedOffset());
      else if (!ended) next.start(commandId, plan);
      input.continueOn(next);
      if (cancelled) next.cancel(commandId, cancelled.how.signal, cancelled.how.graceMs);
    },
    onOutput: (chunk) => writer.push(chunk),
    onEnd: (end) => {
      const { memoryLimitMB } = session;
      finish(verdict(end, { command, timeoutMs, memoryLimitMB, cancelReason: cancelled?.reason }));
    },
    onStartRefused: ({ reason, message }) => {
      if (reason === "ended") finish(OUTCOMES.lost);
      else {
        finish({
          state: "failed",
          fault: "infrastructure",
          error: `The session could not start the command: ${message ?? reason}.`,
        });
      }
    },
    onInputTaken: input.onTaken,
    cancel: (how, reason) => {
      cancelled = { how, reason };
      connection?.cancel(commandId, how.signal, how.graceMs);
    },
    input: input.push,
    resize: (columns, rows) => connection?.resize(commandId, columns, rows),
    abandon: () => {
      input.end();
      writer.abandon();
    },
    done: writer.done,
  };
}
