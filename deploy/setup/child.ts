import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { SetupError } from "./errors.ts";

/** A command that is run to its end. */
export interface CommandOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Where its output goes. */
  readonly logFile: string;
  readonly signal?: AbortSignal;
}

/** Runs a command with its output in a log file; a failure carries the log's last lines. */
export async function runLogged(
  command: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<void> {
  const log = openSync(options.logFile, "a");
  try {
    const child = spawn(command, args, {
      stdio: ["ignore", log, log],
      env: options.env ?? process.env,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    const [code, signal] = await once(child, "exit");
    if (code !== 0) {
      throw new SetupError(
        `${command} ${args[0] ?? ""} failed (${signal ?? `exit code ${code}`})`,
        [`the whole log: ${options.logFile}`],
        lastLines(options.logFile),
      );
    }
  } finally {
    closeSync(log);
  }
}

/** Runs a command and returns what it wrote to stdout, or undefined when it is missing or fails. */
export async function outputOf(command: string, args: readonly string[]): Promise<string | undefined> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "ignore"] });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  return await new Promise((resolve) => {
    child.once("error", () => resolve(undefined));
    child.once("close", (code) => resolve(code === 0 ? Buffer.concat(chunks).toString() : undefined));
  });
}

/** The last lines of a log file, without empty ones. */
export function lastLines(file: string, count = 15): string[] {
  try {
    return readFileSync(file, "utf8").split("\n").filter(Boolean).slice(-count);
  } catch {
    return [];
  }
}

/** Ends a child: SIGTERM, and SIGKILL once the deadline has passed. Returns when it has gone. */
export async function stopChild(child: ChildProcess, deadlineMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), deadlineMs);
  await exited;
  clearTimeout(timer);
}
