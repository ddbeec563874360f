import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Redis } from "ioredis";

/** A Lua script: one atomic step. `R` is what it returns. */
export interface Script {
  source: string;
  sha: string;
}

const all: Script[] = [];

function read(path: string): string {
  return readFileSync(new URL(`./lua/${path}`, import.meta.url), "utf8");
}

/**
 * The script of `lua/<name>.lua`, with what its lines `-- include: <name> …` name from `lua/lib` before it.
 * Scripts may run when Redis is at its memory limit (`allow-oom`, Redis 7 or Valkey): terminal writes are never
 * refused; what may be refused is (memory.ts).
 */
export function script(name: string): Script {
  const body = read(`${name}.lua`);
  const included = [...body.matchAll(/^-- include: (.+)$/gm)].flatMap((line) => (line[1] ?? "").split(" "));
  const source = ["#!lua flags=allow-oom", ...included.map((part) => read(`lib/${part}.lua`)), body].join(
    "\n",
  );
  const made = { source, sha: createHash("sha1").update(source).digest("hex") };
  all.push(made);
  return made;
}

/** Loads every script, so that EVALSHA finds it: at each (re)connect, since a new Redis knows none. */
export async function loadScripts(redis: Redis): Promise<void> {
  const loader = redis.pipeline();
  for (const { source } of all) loader.script("LOAD", source);
  await loader.exec();
}

type ScriptArguments = [keyCount: number, ...(string | number | Buffer)[]];

async function evaluate(
  call: (command: "EVALSHA" | "EVAL", script: string, ...given: ScriptArguments) => Promise<unknown>,
  { sha, source }: Script,
  keys: string[],
  args: (string | number | Buffer)[],
): Promise<unknown> {
  const given: ScriptArguments = [keys.length, ...keys, ...args];
  return call("EVALSHA", sha, ...given).catch((error: unknown) => {
    if (!isUnknownScript(error)) throw error;
    return call("EVAL", source, ...given);
  });
}

/**
 * Runs a script. The command is written before this returns, so scripts and other commands of one connection reach
 * Redis in the order of the calls (unless the script had been flushed).
 */
export function run(
  redis: Redis,
  script: Script,
  keys: string[],
  args: (string | number | Buffer)[],
): Promise<unknown> {
  return evaluate((command, ...given) => redis.call(command, ...given), script, keys, args);
}

/** The same for scripts that return bytes. */
export function runBuffer(
  redis: Redis,
  script: Script,
  keys: string[],
  args: (string | number | Buffer)[],
): Promise<unknown> {
  return evaluate((command, ...given) => redis.callBuffer(command, ...given), script, keys, args);
}

function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("NOSCRIPT");
}
