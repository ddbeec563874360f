import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { stopChild } from "./child.ts";
import type { StateFolder } from "./state.ts";

/**
 * A process that this set-up started and has to stop. Each has a record in the state folder, so that one which a killed
 * run left behind is known to be ours: starting → recorded → stopped (record removed), or left behind → taken over.
 */
export interface OwnProcess {
  readonly pid: number;
  /** Present when this very run started it. */
  readonly child: ChildProcess | undefined;
  /** SIGTERM, and SIGKILL once the deadline has passed; returns when it has gone. May be called twice. */
  stop(deadlineMs: number): Promise<void>;
}

const record = z.object({ owner: z.number(), ownerStart: z.string(), pid: z.number(), pidStart: z.string() });

/** Starts a process in a group of its own, so that Ctrl-C reaches this set-up alone, which then stops it in order. */
export function startProcess(
  state: StateFolder,
  options: {
    name: string;
    command: string;
    args: readonly string[];
    logFile: string;
    env?: NodeJS.ProcessEnv;
  },
): OwnProcess & { readonly child: ChildProcess } {
  const log = openSync(options.logFile, "a");
  const child = spawn(options.command, options.args, {
    detached: true,
    stdio: ["ignore", log, log],
    env: options.env ?? process.env,
  });
  closeSync(log);
  const pid = child.pid ?? 0;
  const file = join(state.processes, `${options.name}-${pid}.json`);
  const content = { owner: process.pid, ownerStart: startOf(process.pid), pid, pidStart: startOf(pid) };
  writeFileSync(file, JSON.stringify(content));
  child.once("error", () => rmSync(file, { force: true }));
  child.once("exit", () => rmSync(file, { force: true }));
  return { pid, child, stop: (deadlineMs) => stopChild(child, deadlineMs) };
}

/** The processes of this name that a run, killed meanwhile, has left behind. */
export function leftBehind(state: StateFolder, name: string): OwnProcess[] {
  const files = readdirSync(state.processes).filter((file) => file.startsWith(`${name}-`));
  return files.flatMap((file) => {
    const path = join(state.processes, file);
    const parsed = record.safeParse(parseJson(path));
    if (parsed.success && isRunning(parsed.data.owner, parsed.data.ownerStart)) return [];
    if (!parsed.success || !isRunning(parsed.data.pid, parsed.data.pidStart)) {
      rmSync(path, { force: true });
      return [];
    }
    const { pid, pidStart } = parsed.data;
    return [
      { pid, child: undefined, stop: (deadlineMs: number) => stopStranger(pid, pidStart, path, deadlineMs) },
    ];
  });
}

async function stopStranger(pid: number, start: string, file: string, deadlineMs: number): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  if (isRunning(pid, start)) process.kill(pid, "SIGTERM");
  while (isRunning(pid, start)) {
    if (performance.now() > deadline) process.kill(pid, "SIGKILL");
    await pause(50);
  }
  rmSync(file, { force: true });
}

/** Whether the process that had this pid and start still runs. */
export function isRunning(pid: number, start: string): boolean {
  return start !== "" && startOf(pid) === start;
}

/** When a process started, in ticks since boot: with it a pid names one process for good. Empty where /proc is missing. */
export function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? "" : (fields[19] ?? "");
  } catch {
    return "";
  }
}

function parseJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}
