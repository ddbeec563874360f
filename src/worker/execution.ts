import { z } from "zod";
import { Command } from "../shared/protocol/commands.ts";
import { OUTCOMES, type Outcome } from "../shared/protocol/outcomes.ts";
import { type AppendResult, appendOutput, type LogChunk } from "../shared/redis/output.ts";
import type { AgentConnection } from "./agent/connection.ts";
import type { AgentEnd, Plan, StartRefused } from "./agent/messages.ts";
import { planOf } from "./commands/plan.ts";
import type { WorkerContext } from "./context.ts";
import { createOutputWriter } from "./output-writer.ts";
import { verdict } from "./verdict.ts";

const Params = z.object({ command: Command, timeoutMs: z.number() });

const STORE_RETRY_MS = 1000;

/** A command that the session has taken, as its record has it. */
export interface TakenCommand {
  commandId: string;
  /** JSON of what runs and for how long. */
  params: string;
  /** How much of its log is stored already: more than 0 when an earlier process began it. */
  storedOffset: number;
}

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
  /** Takes up the command on a connection: the first, or a next one after a break. */
  continueOn: (connection: AgentConnection) => void;
  onOutput: (chunk: LogChunk) => void;
  onEnd: (end: AgentEnd) => void;
  onStartRefused: (refusal: StartRefused) => void;
  /** Ends all that the command started, now; `reason` is what its error says. */
  cancel: (reason: string) => void;
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
  const { command, timeoutMs } = Params.parse(JSON.parse(taken.params));
  const plan: Plan = planOf(command, session.language, timeoutMs);
  const startedAt = performance.now();
  let connection: AgentConnection | undefined;
  let cancelReason: string | undefined;
  let ended = false;

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
    writer.end({ ...outcome, durationMs: Math.round((performance.now() - startedAt) * 1000) / 1000 });
  };

  return {
    commandId,
    continueOn: (next) => {
      connection = next;
      // What is running and unknown to a living agent was never started: then it may be.
      if (next.known.has(commandId)) next.resume(commandId, writer.storedOffset());
      else if (!ended) next.start(commandId, plan);
      if (cancelReason) next.cancel(commandId, "SIGKILL", 0);
    },
    onOutput: (chunk) => writer.push(chunk),
    onEnd: (end) => {
      finish(verdict(end, { command, timeoutMs, memoryLimitMB: session.memoryLimitMB, cancelReason }));
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
    cancel: (reason) => {
      cancelReason = reason;
      connection?.cancel(commandId, "SIGKILL", 0);
    },
    abandon: writer.abandon,
    done: writer.done,
  };
}
