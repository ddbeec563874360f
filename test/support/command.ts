import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** A command of the project, run as at a terminal of its own. */
export interface Command {
  child: ChildProcess;
  /** Everything that it has printed. */
  printed: () => string;
  /** Resolves once it has printed what fits; rejects when it ends before. */
  until: (fits: RegExp) => Promise<void>;
  /** What Ctrl-C does: a signal to all its processes. */
  interrupt: () => void;
  /** Resolves with its exit code. */
  ended: Promise<number | null>;
  /** SIGKILL to all its processes, where there still are any. */
  kill: () => void;
}

/** Runs an npm script of this project, without what Vitest put into the environment. */
export function npmRun(args: readonly string[], env: Record<string, string>): Command {
  const plain = Object.entries(process.env).filter(
    ([name]) => !/^(VITEST|TEST$|MODE$|NODE_ENV$|npm_)/.test(name),
  );
  const child = spawn("npm", args, {
    env: { ...Object.fromEntries(plain), ...env },
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own, as a terminal makes one.
    detached: true,
  });
  let printed = "";
  const watchers = new Set<() => void>();
  const wake = () => {
    for (const watch of [...watchers]) watch();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data) => {
      printed += String(data);
      wake();
    });
  }
  const ended = once(child, "close").then(() => child.exitCode);
  child.once("close", wake);
  const signal = (name: NodeJS.Signals) => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, name);
    } catch {
      // All of them have ended.
    }
  };
  return {
    child,
    printed: () => printed,
    until: (fits) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const isThere = fits.test(printed);
          const isOver = child.exitCode !== null || child.signalCode !== null;
          if (!isThere && !isOver) return;
          watchers.delete(look);
          if (isThere) resolve();
          else reject(new Error(`ended before it printed ${fits}:\n${printed}`));
        };
        watchers.add(look);
        look();
      }),
    interrupt: () => signal("SIGINT"),
    ended,
    kill: () => signal("SIGKILL"),
  };
}
