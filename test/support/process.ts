import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** An API node or a worker as a process of its own, which a test may kill. */
export interface ServiceProcess {
  child: ChildProcess;
  /** Resolves with the first log line (also an earlier one) whose `msg` fits. */
  logged: (fits: RegExp) => Promise<Record<string, unknown>>;
  /** SIGTERM, and SIGKILL when it has not ended in time. */
  stop: () => Promise<number | null>;
  /** SIGKILL. */
  kill: () => Promise<void>;
  /** The last lines that it printed. */
  tail: () => string;
}

const STOP_DEADLINE_MS = 40_000;
const TAIL_LINES = 60;

// An interrupted test run leaves no process behind.
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export function startProcess(main: "api" | "worker", env: Record<string, string>): ServiceProcess {
  const child = spawn(process.execPath, ["--import", "tsx", `src/${main}/main.ts`], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  const watchers = new Set<() => void>();
  const exited = once(child, "exit");
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      for (const watch of [...watchers]) watch();
    });
  }
  running.add(child);
  child.once("exit", () => {
    running.delete(child);
    for (const watch of [...watchers]) watch();
  });
  const tail = () => lines.slice(-TAIL_LINES).join("\n");

  const find = (fits: RegExp): Record<string, unknown> | undefined => {
    for (const line of lines) {
      if (!line.startsWith("{")) continue;
      const entry = JSON.parse(line);
      if (fits.test(String(entry.msg))) return entry;
    }
    return undefined;
  };

  return {
    child,
    tail,
    logged: (fits) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const entry = find(fits);
          const gone = child.exitCode !== null || child.signalCode !== null;
          if (!entry && !gone) return;
          watchers.delete(look);
          if (entry) resolve(entry);
          else reject(new Error(`${main} ended before it logged ${fits}:\n${tail()}`));
        };
        watchers.add(look);
        look();
      }),
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGTERM");
        const timer = setTimeout(() => child.kill("SIGKILL"), STOP_DEADLINE_MS);
        await exited;
        clearTimeout(timer);
      }
      return child.exitCode;
    },
    kill: async () => {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await exited;
    },
  };
}
