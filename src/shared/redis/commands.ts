import { createHash } from "node:crypto";
import type { Redis } from "ioredis";
import { z } from "zod";
import type { Command } from "../protocol/commands.ts";
import { OUTCOMES, StoredOutcome } from "../protocol/outcomes.ts";
import { type CommandState, isTerminal } from "../protocol/verdict.ts";
import { type Keys, TENANT } from "./keys.ts";
import { run, script } from "./script.ts";
import type { Tenure } from "./workers.ts";

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
});
export type CommandRecord = z.infer<typeof CommandRecord>;

/** What the worker needs to run a command; kept in the record until it ends. */
export interface CommandParams {
  command: Command;
  timeoutMs: number;
}

/** How a command is kept, beside what runs. */
export interface CommandDelivery {
  timeoutMs: number;
  queueTimeoutMs: number;
  maxOutputBytes: number;
  keep: "head" | "tail";
}

/** The fields of a command's record that its sender decides. */
export function commandFields(command: Command, delivery: CommandDelivery): Record<string, string | number> {
  const params: CommandParams = { command, timeoutMs: delivery.timeoutMs };
  return {
    kind: command.type === "execute_shell" || command.type === "execute_code" ? "program" : "file",
    params: JSON.stringify(params),
    queueTimeoutMs: delivery.queueTimeoutMs,
    maxOutputBytes: delivery.maxOutputBytes,
    keep: delivery.keep,
  };
}

/** Tells two requests apart by what runs, not by how it is delivered. */
export function requestHash(content: unknown): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("base64url");
}

const acceptScript = script("command-accept");
const takeScript = script("command-take");
const expireScript = script("command-expire");

const AcceptReply = z.array(z.string());

export type AcceptResult =
  | { status: "accepted"; owner: string }
  | { status: "joined"; owner: string; state: string }
  | { status: "not-open"; state: string; reason: string }
  | { status: "conflict" | "unknown" | "full" };

/** Accepts a command into a session: once this returns `accepted`, it will end, whatever fails. */
export async function acceptCommand(
  redis: Redis,
  keys: Keys,
  command: { commandId: string; sessionId: string; hash: string; fields: Record<string, string | number> },
): Promise<AcceptResult> {
  const { commandId, sessionId, hash, fields } = command;
  const reply = await run(
    redis,
    acceptScript,
    [keys.command(commandId), keys.session(sessionId), keys.pending(sessionId), keys.open(sessionId)],
    [commandId, sessionId, hash, MAX_OPEN_COMMANDS, JSON.stringify(fields)],
  );
  const [status = "", first = "", second = ""] = AcceptReply.parse(reply);
  if (status === "accepted") return { status, owner: first };
  if (status === "joined") return { status, owner: first, state: second };
  if (status === "not-open") return { status, state: first, reason: second };
  return { status: z.enum(["conflict", "unknown", "full"]).parse(status) };
}

export type TakeResult =
  | { status: "empty" | "fenced" }
  | { status: "run"; commandId: string; params: string; storedOffset: number; cancel: string | undefined };

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
  const [status, commandId = "", params = "", offset = "", cancel = ""] = z.array(z.string()).parse(reply);
  if (status !== "run") return { status: status === "fenced" ? "fenced" : "empty" };
  return { status, commandId, params, storedOffset: Number(offset), cancel: cancel || undefined };
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

export type { CommandState };
