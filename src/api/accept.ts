import type { Redis } from "ioredis";
import { ProtocolError } from "../shared/protocol/errors.ts";
import {
  type AcceptResult,
  acceptCommand,
  type CommandFields,
  MAX_OPEN_COMMANDS,
  readCommand,
} from "../shared/redis/commands.ts";
import type { Keys } from "../shared/redis/keys.ts";
import { within } from "../shared/within.ts";
import type { Bells } from "./bells.ts";
import { storeIsAway } from "./deadline.ts";
import { createGate } from "./gate.ts";
import { createLanes } from "./lanes.ts";
import { ACCEPT_DEADLINE_MS } from "./limits.ts";
import type { MemoryGuard } from "./memory-guard.ts";

/** What was heard may still be lost: a command that has not ended by then is rung for by the sure bell, too. */
const SURE_BELL_MS = 1000;

export interface NewCommand {
  commandId: string;
  sessionId: string;
  hash: string;
  fields: CommandFields;
}

export interface Accepted {
  isRepeat: boolean;
  ended: () => void;
}

/**
 * Everything that starts or ends something is written through here: in the order of the requests for one session, only
 * while Redis is there, and within a deadline.
 */
export interface Acceptance {
  /**
   * Accepts a command and rings the bell of the session's worker. Once this returns, the command will end by itself.
   * `isRepeat`: another request with this id was accepted before, and this one joins it. `ended`: to be called when
   * nobody waits any more, so that no further bell is rung.
   * @throws ProtocolError when it was not accepted.
   */
  accept: (command: NewCommand, subscribed: Promise<void> | undefined) => Promise<Accepted>;
  /** Another write, in order with the commands of the session. `commandId`: what a repeat of it can be joined by. */
  inOrder: <T>(
    sessionId: string,
    ready: Promise<void> | undefined,
    write: () => Promise<T>,
    commandId?: string,
  ) => Promise<T>;
}

export function createAcceptance(redis: Redis, keys: Keys, bells: Bells, memory: MemoryGuard): Acceptance {
  const gate = createGate(redis);
  const lanes = createLanes();

  /**
   * The accepting call rings the quick bell itself. A job of the worker's queue, the sure bell, costs as much as all else
   * that a short command does in Redis: it is made at once only where no worker listened.
   */
  async function acceptAndRing(command: NewCommand): Promise<AcceptResult> {
    const { sessionId, commandId } = command;
    const result = await acceptCommand(redis, keys, command);
    const isUnheard =
      (result.status === "accepted" && !result.heard) ||
      (result.status === "joined" && result.state === "queued" && result.owner !== "");
    if (isUnheard) bells.ringWorker(result.owner, { sessionId, commandId });
    return result;
  }

  async function inOrder<T>(
    sessionId: string,
    ready: Promise<void> | undefined,
    write: () => Promise<T>,
    commandId?: string,
  ): Promise<T> {
    let isLate = false;
    let isWritten = false;
    const opened = gate.opened();
    const writable = ready && opened ? Promise.all([ready, opened]) : (ready ?? opened);
    const written = lanes.enter(sessionId, writable, () => {
      if (isLate) throw storeIsAway();
      isWritten = true;
      return write();
    });
    return within(ACCEPT_DEADLINE_MS, written, () => {
      isLate = true;
      return isWritten ? unknownWhetherDone(commandId) : storeIsAway();
    });
  }

  return {
    inOrder,
    accept: async (command, subscribed) => {
      const refusal = memory.refusal();
      // A repeat takes no memory, and its client may have nothing else to find its result by.
      if (refusal && !(await readCommand(redis, keys, command.commandId))) throw refusal;
      const { sessionId, commandId } = command;
      const result = await inOrder(sessionId, subscribed, () => acceptAndRing(command), commandId);
      if (result.status === "accepted" || result.status === "joined") {
        const { owner } = result;
        const timer = setTimeout(() => bells.ringWorker(owner, { sessionId, commandId }), SURE_BELL_MS);
        return { isRepeat: result.status === "joined", ended: () => clearTimeout(timer) };
      }
      throw notAccepted(command, result);
    },
  };
}

function unknownWhetherDone(commandId: string | undefined): ProtocolError {
  const next =
    commandId === undefined
      ? "Look (session.get, session.list), or send it again."
      : `Send it again with the commandId ${commandId}: then it runs at most once.`;
  return new ProtocolError(
    "OVERLOADED",
    `Redis went away before it answered, so it is not known whether the request was accepted. ${next}`,
  );
}

export function commandIdTaken(commandId: string): ProtocolError {
  return new ProtocolError(
    "IDEMPOTENCY_CONFLICT",
    `The commandId ${commandId} belongs to another request. Use a new one, or repeat that request as it was.`,
  );
}

export function sessionNotFound(sessionId: string): ProtocolError {
  return new ProtocolError(
    "SESSION_NOT_FOUND",
    `There is no session ${sessionId}, or it ended so long ago that it is forgotten. Create one with session.create.`,
  );
}

type Refused = Exclude<AcceptResult, { status: "accepted" | "joined" }>;

function notAccepted({ sessionId, commandId }: NewCommand, refused: Refused): ProtocolError {
  switch (refused.status) {
    case "unknown":
      return sessionNotFound(sessionId);
    case "conflict":
      return commandIdTaken(commandId);
    case "full":
      return new ProtocolError(
        "LIMIT_EXCEEDED",
        `The session has ${MAX_OPEN_COMMANDS} commands that have not ended, which is the most. Wait for one to end, or use another session.`,
      );
    case "not-open":
      return sessionNotOpen(sessionId, refused.state, refused.reason);
  }
}

/** Why a session takes no commands. */
export function sessionNotOpen(sessionId: string, state: string, closeReason: string): ProtocolError {
  const why = closeReason === "" ? "" : ` (${closeReason})`;
  const next = "Create a new one with session.create.";
  if (state === "Creating") {
    return new ProtocolError(
      "SESSION_NOT_READY",
      `The session ${sessionId} is still being created. Try again.`,
    );
  }
  if (state === "Lost")
    return new ProtocolError("SESSION_LOST", `The session ${sessionId} was lost${why}. ${next}`);
  if (state === "Failed") {
    return new ProtocolError(
      "SESSION_FAILED",
      `The session ${sessionId} could not be started${why}. ${next}`,
    );
  }
  return new ProtocolError("SESSION_CLOSED", `The session ${sessionId} was closed${why}. ${next}`);
}
