import type { Redis } from "ioredis";
import { z } from "zod";
import type { Control } from "./control.ts";
import type { Keys } from "./keys.ts";
import { run, script } from "./script.ts";
import type { Tenure } from "./workers.ts";

const inputScript = script("command-input");
const inputTakenScript = script("command-input-taken");

/** Input that no program has taken yet, at most. */
export const MAX_UNTAKEN_INPUT_BYTES = 1_048_576;

export type InputResult =
  | { status: "taken" | "offset" | "full"; inputOffset: number }
  | { status: "unknown" | "ended" | "closed" };

/** Takes input for a command at its offset; what was taken before is not taken twice. */
export async function sendInput(
  redis: Redis,
  keys: Keys,
  input: { commandId: string; offset: number; data: Buffer; eof: boolean },
): Promise<InputResult> {
  const { commandId, offset, data, eof } = input;
  // The script adds the session that it belongs to.
  const entry: Omit<Extract<Control, { type: "input" }>, "sessionId"> = {
    type: "input",
    commandId,
    offset,
    data: data.toString("base64"),
    eof,
  };
  const reply = await run(
    redis,
    inputScript,
    [keys.command(commandId)],
    [keys.prefix, commandId, offset, data.length, MAX_UNTAKEN_INPUT_BYTES, JSON.stringify(entry)],
  );
  const [status, inputOffset] = z.array(z.string()).parse(reply);
  if (status === "taken" || status === "offset" || status === "full") {
    return { status, inputOffset: Number(inputOffset) };
  }
  return { status: z.enum(["unknown", "ended", "closed"]).parse(status) };
}

/** Up to where the input of a command has been accepted. */
export async function readInputOffset(redis: Redis, keys: Keys, commandId: string): Promise<number> {
  return Number((await redis.hget(keys.command(commandId), "inputOffset")) ?? 0);
}

/** Notes how much of its input a program has taken, so that more is accepted. */
export async function storeInputTaken(
  redis: Redis,
  keys: Keys,
  tenure: Tenure,
  session: { sessionId: string; epoch: number },
  commandId: string,
  offset: number,
): Promise<void> {
  await run(
    redis,
    inputTakenScript,
    [keys.session(session.sessionId), keys.lease(tenure.workerId), keys.command(commandId)],
    [tenure.token, session.epoch, offset],
  );
}
