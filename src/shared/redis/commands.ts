import { createHash } from "node:crypto";
import type { Redis } from "ioredis";
import { z } from "zod";
import { type Command, runsProgram, takesInput } from "../protocol/commands.ts";
import { OUTCOMES, StoredOutcome } from "../protocol/outcomes.ts";
import { CommandState, isTerminal } from "../protocol/verdict.ts";
import type { Cancellation } from "./control.ts";
import { type Keys, TENANT } from "./keys.ts";
import { run, script } from "./script.ts";
import type { Tenure } from "./workers.ts";

/** Longer params are not handed over with the bell: the worker takes the command. */
const MAX_BELL_PARAMS = 65_536;

/** Commands of one session that may be open (queued or running) at once. */
export const MAX_OPEN_COMMANDS = 64;

const number = z.coerce.number();

const CommandRecord = StoredOutcome.extend({
  sessionId: z.string(),
  kind: z.enum(["program", "file"]),
  requestHash: z.string(),
  keep: z.enum(["head", "tail"]),
  queuedAt: z.string(),
  startedAt: z.string().optional(),
  endedAt: z.string().optional(),
  offset: number.default(0),
  lastSeq: number.default(0),
  base: number.default(1),
  truncated: z.string().optional(),
  /** Whether it has a terminal. */
  pty: z.string().optional(),
});
export type CommandRecord = z.infer<typeof CommandRecord>;

/** What the worker needs to run a command; kept in the record until it ends. */
export interface CommandParams {
  command: Command;
  /** Absent: it may run for as long as its session lives. */
  timeoutMs?: number | undefined;
  background: boolean;
}

/** How a command is kept, beside what runs. */
export interface CommandDelivery {
  timeoutMs?: number | undefined;
  background: boolean;
  queueTimeoutMs: number;
  maxOutputBytes: number;
  keep: "head" | "tail";
}

/** The fields of a command's record that its sender decides. */
export interface CommandFields {
  kind: "program" | "file";
  /** JSON of CommandParams. */
  params: string;
  queueTimeoutMs: number;
  maxOutputBytes: number;
  keep: "head" | "tail";
  stdinOpen?: 1;
  pty?: 1;
}

/** How a command and its delivery are kept. */
export function commandFields(command: Command, delivery: CommandDelivery): CommandFields {
  const { timeoutMs, background } = delivery;
  const params: CommandParams = { command, timeoutMs, background };
  return {
    kind: runsProgram(command.type) ? "program" : "file",
    params: JSON.stringify(params),
    queueTimeoutMs: delivery.queueTimeoutMs,
    maxOutputBytes: delivery.maxOutputBytes,
    keep: delivery.keep,
    ...(takesInput(command) && { stdinOpen: 1 }),
    ...("pty" in command && command.pty !== false && { pty: 1 }),
  };
}

/** Tells two requests apart by what runs, not by how it is delivered. */
export function requestHash(content: unknown): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("base64url");
}

const cancelScript = script("command-cancel");
const detachScript = script("command-detach");
const acceptScript = script("command-accept");
const takeScript = script("command-take");
const expireScript = script("command-expire");

const AcceptReply = z.array(z.string());

export type AcceptResult =
  | { status: "accepted"; owner: string; heard: boolean }
  | { status: "joined"; owner: string; state: string }
  | { status: "not-open"; state: string; reason: string }
  | { status: "conflict" | "unknown" | "full" };

/** Accepts a command into a session: once this returns `accepted`, it will end, whatever fails. */
export async function acceptCommand(
  redis: Redis,
  keys: Keys,
  command: { commandId: string; sessionId: string; hash: string; fields: CommandFields },
): Promise<AcceptResult> {
  const { commandId, sessionId, hash } = command;
  const { kind, params, queueTimeoutMs, ...further } = command.fields;
  const reply = await run(
    redis,
    acceptScript,
    [keys.command(commandId), keys.session(sessionId), keys.pending(sessionId), keys.open(sessionId)],
    [
      keys.prefix,
      commandId,
      sessionId,
      hash,
      MAX_OPEN_COMMANDS,
      MAX_BELL_PARAMS,
      queueTimeoutMs,
      kind,
      params,
      ...Object.entries(further).flat(),
    ],
  );
  const [status = "", first = "", second = ""] = AcceptReply.parse(reply);
  if (status === "accepted") return { status, owner: first, heard: second !== "0" };
  if (status === "joined") return { status, owner: first, state: second };
  if (status === "not-open") return { status, state: first, reason: second };
  return { status: z.enum(["conflict", "unknown", "full"]).parse(status) };
}

/** `count`: how many commands the session has had, those behind the taken one included. */
export type TakeResult =
  | { status: "fenced" }
  | { status: "empty"; count: number }
  | { status: "run"; count: number; command: TakenCommand };

/** A command that is to run, or runs already, as its record has it. */
export interface TakenCommand {
  commandId: string;
  /** JSON of CommandParams. */
  params: string;
  /** How much of its log is stored already: more than 0 when an earlier process began it. */
  storedOffset: number;
  /** How much of its input the program has taken. */
  inputTaken: number;
  /** JSON of how it is to be cancelled, when it is. */
  cancel: string | undefined;
}

/** The next command of a session: the same one until it has ended. */
export async function takeCommand(
  redis: Redis,
  keys: Keys,
  tenure: Tenure,
  session: { sessionId: string; epoch: number },
  retentionSeconds: number,
): Promise<TakeResult> {
  const reply = await run(
    redis,
    takeScript,
    [keys.session(session.sessionId), keys.lease(tenure.workerId), keys.pending(session.sessionId)],
    expiryArguments(keys, tenure, session, retentionSeconds),
  );
  const [status, count, commandId = "", ...fields] = z.array(z.string()).parse(reply);
  if (status === "fenced") return { status };
  if (status !== "run") return { status: "empty", count: Number(count) };
  return { status, count: Number(count), command: takenCommand(commandId, fields) };
}

function takenCommand(commandId: string, fields: (string | null)[]): TakenCommand {
  const [params, offset, inputTaken, cancel] = fields;
  return {
    commandId,
    params: params ?? "",
    storedOffset: Number(offset ?? 0),
    inputTaken: Number(inputTaken ?? 0),
    cancel: cancel || undefined,
  };
}

/** A background command has begun: those behind it go on. Returns how many are pending. */
export async function detachCommand(
  redis: Redis,
  keys: Keys,
  tenure: Tenure,
  session: { sessionId: string; epoch: number },
  commandId: string,
): Promise<number> {
  const reply = await run(
    redis,
    detachScript,
    [keys.session(session.sessionId), keys.lease(tenure.workerId), keys.pending(session.sessionId)],
    [tenure.token, session.epoch, commandId],
  );
  return Number(reply);
}

/** What of a session has not ended; `detached`: running beside the list, which is in the background. */
export async function openCommands(
  redis: Redis,
  keys: Keys,
  sessionId: string,
): Promise<{ open: Set<string>; detached: TakenCommand[] }> {
  const open = await redis.zrange(keys.open(sessionId), 0, -1);
  const pending = new Set(await redis.lrange(keys.pending(sessionId), 0, -1));
  const taken = await Promise.all(
    open.map(async (commandId) => {
      const fields = await redis.hmget(
        keys.command(commandId),
        "params",
        "offset",
        "inputTaken",
        "cancel",
        "state",
      );
      return !pending.has(commandId) && fields[4] === "running" ? [takenCommand(commandId, fields)] : [];
    }),
  );
  return { open: new Set(open), detached: taken.flat() };
}

/**
 * Cancels a command: a queued one ends at once, a running one is told to.
 * Returns the state that it had, undefined when there is no such command.
 */
export async function cancelCommand(
  redis: Redis,
  keys: Keys,
  commandId: string,
  how: Cancellation,
  retentionSeconds: number,
): Promise<CommandState | undefined> {
  const reply = await run(
    redis,
    cancelScript,
    [keys.command(commandId)],
    [
      keys.prefix,
      TENANT,
      commandId,
      JSON.stringify(how),
      JSON.stringify(OUTCOMES.cancelledBeforeStart),
      retentionSeconds,
    ],
  );
  return reply === null ? undefined : CommandState.parse(reply);
}

function expiryArguments(
  keys: Keys,
  tenure: Tenure,
  { sessionId, epoch }: { sessionId: string; epoch: number },
  retentionSeconds: number,
): (string | number)[] {
  return [
    keys.prefix,
    TENANT,
    sessionId,
    tenure.token,
    epoch,
    JSON.stringify(OUTCOMES.expired),
    retentionSeconds,
  ];
}

/** Ends what has waited longer than its `queueTimeoutMs`, wherever in the list. */
export async function expireCommands(
  redis: Redis,
  keys: Keys,
  tenure: Tenure,
  session: { sessionId: string; epoch: number },
  retentionSeconds: number,
): Promise<void> {
  await run(
    redis,
    expireScript,
    [keys.session(session.sessionId), keys.lease(tenure.workerId), keys.pending(session.sessionId)],
    expiryArguments(keys, tenure, session, retentionSeconds),
  );
}

export async function readCommand(
  redis: Redis,
  keys: Keys,
  commandId: string,
): Promise<CommandRecord | undefined> {
  const fields = await redis.hgetall(keys.command(commandId));
  return Object.keys(fields).length === 0 ? undefined : CommandRecord.parse(fields);
}

/** Where a command is, without its result. */
export async function readProgress(
  redis: Redis,
  keys: Keys,
  commandId: string,
): Promise<{ ended: boolean; lastSeq: number } | undefined> {
  const [state, lastSeq] = await redis.hmget(keys.command(commandId), "state", "lastSeq");
  if (!state) return undefined;
  return { ended: isTerminal(CommandRecord.shape.state.parse(state)), lastSeq: Number(lastSeq ?? 0) };
}
