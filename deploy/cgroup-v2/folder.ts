import { mkdirSync, readdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { isRunning, startOf } from "../setup/processes.ts";
import type { StateFolder } from "../setup/state.ts";

/** So that two checkouts which take turns do not build anew each time. */
const kept = 2;

/** Opens the folder of everything that has to do with the machine, and removes what killed runs have left in it. */
export function openMachineFolder(state: StateFolder): string {
  const folder = join(state.root, "cgroup-v2");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(folder)) {
    const owner = /^own-(\d+)-(\d+)/.exec(name);
    if (owner !== null && !isRunning(Number(owner[1]), owner[2] ?? ""))
      rmSync(join(folder, name), { recursive: true, force: true });
  }
  return folder;
}

/** A path in it that belongs to this process, and goes when a later run finds that the process has gone. */
export function ownPath(folder: string, name: string): string {
  return join(folder, `own-${process.pid}-${startOf(process.pid)}-${name}`);
}

/** Notes that a cached file is used, and removes those of its kind that have not been used for longest. */
export function keepRecent(folder: string, used: string, kind: RegExp): void {
  utimesSync(used, new Date(), statSync(used).mtime);
  const byUse = readdirSync(folder)
    .filter((name) => kind.test(name))
    .map((name) => ({ path: join(folder, name), usedAt: statSync(join(folder, name)).atimeMs }))
    .sort((a, b) => b.usedAt - a.usedAt);
  for (const { path } of byUse.slice(kept)) rmSync(path, { force: true });
}
