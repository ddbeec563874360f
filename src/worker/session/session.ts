import { OUTCOMES, type Outcome } from "../../shared/protocol/outcomes.ts";
import { endSession, type SessionRecord } from "../../shared/redis/sessions.ts";
import { type AgentConnection, connectAgent, EpochRefused } from "../agent/connection.ts";
import { type AgentStream, execAgent } from "../agent/docker-stream.ts";
import { pause, type WorkerContext } from "../context.ts";
import type { Execution } from "../execution.ts";
import { containerState, removeContainer, type SessionContainer } from "./container.ts";
import { createRunner } from "./runner.ts";

/**
 * A session that this worker runs.
 *
 * open ──close, idle, lifetime──▶ closing ──▶ ended (record Closed, container removed)
 *   ├──the container is gone──▶ ended (record Lost)
 *   └──detach (SIGTERM, lease lost)──▶ left to a successor, container and all
 *
 * The connection to its agent may break and be made anew at any time; executions go on across it.
 */
export interface LiveSession {
  sessionId: string;
  container: SessionContainer & { slot: number };
  /** Look for commands. */
  ring: () => void;
  /** Ends it for a reason; with `idleMs` only if it has really been idle for that long. */
  close: (reason: string, idleMs?: number) => Promise<void>;
  /** The engine no longer has its container. */
  lose: () => Promise<void>;
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

const RECONNECT_MS = 1000;
/** How long the end of a cancelled command may take to be stored before the session ends without it. */
const CANCEL_DEADLINE_MS = 3000;

/** Connects to the agent of a container that runs already. */
export async function reconnect(ctx: WorkerContext, container: SessionContainer): Promise<AgentStream> {
  return execAgent(ctx.docker, container.id, container.agentUid, ctx.log);
}

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
  const executions = new Map<string, Execution>();
  let connection: AgentConnection | undefined;
  let ended = false;
  let lastActivity = performance.now();

  const listener: Parameters<typeof connectAgent>[2] = {
    onOutput: (id, chunk) => executions.get(id)?.onOutput(chunk),
    onEnd: (id, end) => executions.get(id)?.onEnd(end),
    onStartRefused: (id, refusal) => executions.get(id)?.onStartRefused(refusal),
  };

  function use(next: AgentConnection): void {
    connection = next;
    for (const execution of executions.values()) execution.continueOn(next);
    void next.closed.then(() => {
      if (connection === next) connection = undefined;
      if (!ended && !ctx.signal.aborted) void recover();
    });
  }

  /** The stream broke: either the container is gone, or it has to be made anew. */
  async function recover(): Promise<void> {
    while (!ended && !ctx.signal.aborted) {
      const state = await containerState(ctx, container.id);
      if (state === "gone") return lose();
      if (state === "running") {
        try {
          return use(await connectAgent(await reconnect(ctx, container), epoch, listener));
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

  const runner = createRunner(
    ctx,
    session,
    (execution, cancel) => {
      lastActivity = performance.now();
      executions.set(execution.commandId, execution);
      void execution.done.then(() => executions.delete(execution.commandId));
      if (cancel) execution.cancel(OUTCOMES.closedWhileRunning.error);
      if (connection) execution.continueOn(connection);
    },
    () => {
      lastActivity = performance.now();
      if (record.ephemeral) void close("completed");
    },
    onFenced,
  );

  function letGo(): void {
    ended = true;
    void runner.stop();
    for (const execution of executions.values()) execution.abandon();
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
      for (const execution of executions.values()) execution.cancel(`The session ended: ${reason}.`);
      if (executions.size > 0) await Promise.race([stopped, pause(CANCEL_DEADLINE_MS, ctx.signal)]);
    }
    const byCaller = { ...OUTCOMES.closedWhileRunning, error: `The session ended: ${reason}.` };
    const queued = {
      ...OUTCOMES.closedBeforeStart,
      error: `The session ended before the command started: ${reason}.`,
    };
    await end("Closed", reason, byCaller, queued, idleMs);
  }

  async function lose(): Promise<void> {
    if (ended) return;
    if (performance.now() >= endsAt) return close("lifetime");
    await end("Lost", "its container is gone", OUTCOMES.lost, OUTCOMES.sessionLost);
  }

  const endsAt = performance.now() + remainingLifeMs;
  use(await connectAgent(firstStream, epoch, listener));

  return {
    sessionId,
    container,
    ring: () => {
      if (!ended) runner.ring();
    },
    close,
    lose,
    stop: runner.stop,
    detach: letGo,
    idleForMs: () => (executions.size > 0 || runner.busy() ? 0 : performance.now() - lastActivity),
    endsAt,
    idleTimeoutMs: record.idleTimeoutMinutes * 60_000,
  };
}
