import { pause } from "../../shared/pause.ts";
import type { HandedCommand } from "../../shared/redis/bell.ts";
import {
  detachCommand,
  expireCommands,
  type TakenCommand,
  takeCommand,
} from "../../shared/redis/commands.ts";
import type { WorkerContext } from "../context.ts";
import type { Execution, ExecutionSession } from "../execution.ts";

/**
 * idle ──ring──▶ taking ──a command──▶ running ──stored, more pending──▶ taking
 *   │              └──none──▶ idle        ▲ └──stored, none pending──▶ idle
 *   └──a command handed over──────────────┘
 *
 * Takes the commands of one session in the order of its list, one after another. A ring only says: look. One that comes
 * while it is busy makes it look once more.
 */
export interface Runner {
  ring: (commandId?: string) => void;
  /** Begins a command that came with its bell, unless it may have begun already, or others are before it. */
  take: (command: HandedCommand) => void;
  /** Takes no further command. Resolves when the one that runs has ended. */
  stop: () => Promise<void>;
  /** Whether a command runs or is being taken. */
  busy: () => boolean;
}

const RETRY_MS = 500;
const EXPIRE_MS = 1000;
const MOST_REMEMBERED = 128;

export function createRunner(
  ctx: WorkerContext,
  session: ExecutionSession,
  begin: (taken: TakenCommand) => Execution,
  onEnded: () => void,
  onFenced: () => void,
): Runner {
  let running: Promise<void> | undefined;
  let rung = false;
  let stopped = false;
  /** How many commands of the session are known to have been accepted: those handed over with a lower ordinal are late. */
  let seen = 0;
  /** Commands whose second bell is still to come. */
  const taken = new Set<string>();

  function remember(commandId: string): void {
    taken.add(commandId);
    const [oldest] = taken;
    if (taken.size > MOST_REMEMBERED && oldest !== undefined) taken.delete(oldest);
  }

  async function takeNext(): Promise<TakenCommand | undefined> {
    const next = await takeCommand(ctx.redis, ctx.keys, ctx.tenure, session, ctx.config.retentionSeconds);
    if (next.status === "fenced") {
      onFenced();
      return undefined;
    }
    seen = Math.max(seen, next.count);
    return next.status === "run" ? next.command : undefined;
  }

  /** Returns how many commands are still pending. */
  async function runNext(handed: TakenCommand | undefined): Promise<number> {
    const next = handed ?? (await takeNext());
    if (!next) return 0;
    remember(next.commandId);
    const execution = begin(next);
    if (execution.background) {
      void execution.done.then(({ status }) => (status === "fenced" ? onFenced() : onEnded()));
      return detachCommand(ctx.redis, ctx.keys, ctx.tenure, session, execution.commandId);
    }
    const expiry = setInterval(() => {
      expireCommands(ctx.redis, ctx.keys, ctx.tenure, session, ctx.config.retentionSeconds).catch(() => {});
    }, EXPIRE_MS);
    const result = await execution.done;
    clearInterval(expiry);
    if (result.status === "fenced") {
      onFenced();
      return 0;
    }
    onEnded();
    return result.status === "stored" ? result.pending : 1;
  }

  async function work(handed?: TakenCommand): Promise<void> {
    let first = handed;
    do {
      rung = false;
      try {
        while (!stopped && !ctx.signal.aborted) {
          const next = first;
          first = undefined;
          if ((await runNext(next)) === 0) break;
        }
      } catch (error) {
        ctx.log.warn(
          { err: error, sessionId: session.sessionId },
          "the runner could not go on; trying again",
        );
        await pause(RETRY_MS, ctx.signal);
        rung = true;
      }
    } while (rung && !stopped && !ctx.signal.aborted);
    running = undefined;
  }

  function look(handed?: TakenCommand): void {
    rung = true;
    if (!running && !stopped) running = work(handed);
  }

  return {
    ring: (commandId) => {
      if (commandId === undefined || !taken.delete(commandId)) look();
    },
    take: (command) => {
      const isNext = !running && command.epoch === session.epoch && command.ordinal > seen;
      seen = Math.max(seen, command.ordinal);
      look(isNext ? command : undefined);
    },
    stop: async () => {
      stopped = true;
      await running;
    },
    busy: () => running !== undefined,
  };
}
