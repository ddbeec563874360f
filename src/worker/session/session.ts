import { pause } from "../../shared/pause.ts";
import { OUTCOMES, type Outcome } from "../../shared/protocol/outcomes.ts";
import type { HandedCommand } from "../../shared/redis/bell.ts";
import type { TakenCommand } from "../../shared/redis/commands.ts";
import { Cancellation, type CommandControl } from "../../shared/redis/control.ts";
import { endSession, type SessionRecord } from "../../shared/redis/sessions.ts";
import { type AgentConnection, connectAgent, EpochRefused } from "../agent/connection.ts";
import { type AgentStream, execAgent } from "../agent/docker-stream.ts";
import type { WorkerContext } from "../context.ts";
import { createExecution, type Execution } from "../execution.ts";
import { containerState, removeContainer, type SessionContainer } from "./container.ts";
import { createExecutions } from "./executions.ts";
import { createRunner } from "./runner.ts";

/**
 * A session that this worker runs.
 *
 * open ──close, idle, lifetime──▶ closing ──▶ ended (record Closed, container removed)
 *   ├──the container is gone, or the engine has been away for too long──▶ ended (record Lost)
 *   └──detach (SIGTERM, lease lost)──▶ left to a successor, container and all
 *
 * The connection to its agent may break and be made anew at any time; executions go on across it.
 */
export interface LiveSession {
  sessionId: string;
  container: SessionContainer & { slot: number };
  /** Look for commands; not for one that has been taken already. */
  ring: (commandId?: string) => void;
  /** Begin a command that came with its bell. */
  take: (command: HandedCommand) => void;
  /** What a client sends beside commands. Resolves once it has been carried out. */
  control: (control: CommandControl) => Promise<void>;
  /**
   * Takes up what an earlier process of this worker left running in the background; what is not in `open` has ended, and
   * the agent need not keep it any longer.
   */
  resume: (detached: TakenCommand[], open: ReadonlySet<string>) => void;
  /** Ends it for a reason; with `idleMs` only if it has really been idle for that long. */
  close: (reason: string, idleMs?: number) => Promise<void>;
  /** Its container can't be reached any more, and why. */
  lose: (reason: string) => Promise<void>;
  /** Stops taking commands; resolves when the one that runs has ended. */
  stop: () => Promise<void>;
  /** Lets go of it without ending it. */
  detach: () => void;
  /** For how long nothing has happened, 0 while a command runs. */
  idleForMs: () => number;
  /** When its life ends, on this process's monotonic clock. */
  endsAt: number;
  idleTimeoutMs: number;
}

/** Why a session is lost. */
export const CONTAINER_GONE = "its container is gone";
export const ENGINE_GONE = "its Docker Engine has been away for too long";

const RECONNECT_MS = 1000;
/** How long the end of a cancelled command may take to be stored before the session ends without it. */
const CANCEL_DEADLINE_MS = 3000;

export async function createSession(
  ctx: WorkerContext,
  sessionId: string,
  record: SessionRecord,
  epoch: number,
  container: SessionContainer & { slot: number },
  firstStream: AgentStream,
  remainingLifeMs: number,
  onEnded: () => void,
): Promise<LiveSession> {
  const log = ctx.log.child({ sessionId });
  const executions = createExecutions();
  let connection: AgentConnection | undefined;
  let ended = false;
  let lastActivity = performance.now();

  function use(next: AgentConnection): void {
    connection = next;
    executions.continueOn(next);
    void next.closed.then(() => {
      if (connection === next) connection = undefined;
      if (!ended && !ctx.signal.aborted) void recover();
    });
  }

  /** The stream broke: either the container is gone, or it has to be made anew. */
  async function recover(): Promise<void> {
    while (!ended && !ctx.signal.aborted) {
      const state = await containerState(ctx, container.id);
      if (state === "gone") return lose(CONTAINER_GONE);
      if (state === "running") {
        try {
          const stream = await execAgent(ctx.streams, container.id, container.agentUid, log);
          return use(await connectAgent(stream, epoch, executions.listener));
        } catch (error) {
          if (error instanceof EpochRefused) return onFenced();
          log.warn({ err: error }, "the agent could not be reached; trying again");
        }
      }
      await pause(RECONNECT_MS, ctx.signal);
    }
  }

  const session = {
    sessionId,
    epoch,
    language: record.language,
    memoryLimitMB: record.memoryLimitMB,
  };

  function begin(taken: TakenCommand): Execution {
    lastActivity = performance.now();
    const execution = createExecution(ctx, session, taken);
    executions.add(execution, taken.cancel ? cancellationOf(taken.cancel) : undefined);
    return execution;
  }

  const runner = createRunner(
    ctx,
    session,
    begin,
    () => {
      lastActivity = performance.now();
      if (record.ephemeral) void close("completed");
    },
    onFenced,
  );

  function letGo(): void {
    ended = true;
    void runner.stop();
    executions.abandonAll();
    connection?.close();
  }

  /** Somebody else owns it: reconciling removes the container, should this worker still be the one to do so. */
  function onFenced(): void {
    if (ended) return;
    letGo();
    onEnded();
    ctx.onFenced();
  }

  async function end(
    state: "Closed" | "Lost",
    reason: string,
    running: Outcome,
    queued: Outcome,
    idleMs?: number,
  ): Promise<boolean> {
    const how = { state, reason, running, queued };
    const result = await endSession(
      ctx.redis,
      ctx.keys,
      ctx.tenure,
      session,
      how,
      ctx.config.retentionSeconds,
      idleMs,
    );
    if (result === "fenced") onFenced();
    if (result !== "ended") return false;
    letGo();
    await removeContainer(ctx, container.id).catch((error: unknown) => {
      log.warn({ err: error }, "the container was not removed; reconciling will");
    });
    onEnded();
    return true;
  }

  async function close(reason: string, idleMs?: number): Promise<void> {
    if (ended) return;
    if (idleMs === undefined) {
      // What runs ends first, so that its output and what became of it are stored.
      const stopped = runner.stop();
      executions.cancelAll(`The session ended: ${reason}.`);
      if (executions.count() > 0) {
        const ended = Promise.all([stopped, executions.allEnded()]);
        await Promise.race([ended, pause(CANCEL_DEADLINE_MS, ctx.signal)]);
      }
    }
    const byCaller = { ...OUTCOMES.closedWhileRunning, error: `The session ended: ${reason}.` };
    const queued = {
      ...OUTCOMES.closedBeforeStart,
      error: `The session ended before the command started: ${reason}.`,
    };
    await end("Closed", reason, byCaller, queued, idleMs);
  }

  async function lose(reason: string): Promise<void> {
    if (ended) return;
    if (performance.now() >= endsAt) return close("lifetime");
    await end("Lost", reason, OUTCOMES.lost, OUTCOMES.sessionLost);
  }

  const endsAt = performance.now() + remainingLifeMs;
  use(await connectAgent(firstStream, epoch, executions.listener));

  return {
    sessionId,
    container,
    ring: (commandId) => {
      if (!ended) runner.ring(commandId);
    },
    take: (command) => {
      if (!ended) runner.take(command);
    },
    control: executions.control,
    resume: (commands, open) => {
      for (const id of connection?.known ?? []) if (!open.has(id)) connection?.acknowledgeEnd(id);
      for (const taken of commands)
        void begin(taken).done.then(({ status }) => status === "fenced" && onFenced());
    },
    close,
    lose,
    stop: runner.stop,
    detach: letGo,
    idleForMs: () => (executions.count() > 0 || runner.busy() ? 0 : performance.now() - lastActivity),
    endsAt,
    idleTimeoutMs: record.idleTimeoutMinutes * 60_000,
  };
}

/** What the record of a running command says of its cancellation. */
function cancellationOf(stored: string): Cancellation {
  // `session.close` marks without saying how.
  return stored === "close" ? { signal: "SIGKILL", graceMs: 0 } : Cancellation.parse(JSON.parse(stored));
}
