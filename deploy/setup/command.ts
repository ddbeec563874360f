import { messageOf, reportError } from "./errors.ts";
import { type PrepareOptions, prepare, type Ready } from "./prepare.ts";

/** The signals of one run: the first stops it in order, a later one makes haste. */
export interface Stopping {
  readonly signal: AbortSignal;
  readonly hurry: AbortSignal;
}

/** npm and the terminal both pass Ctrl-C on, so what comes at nearly the same time is one. */
const sameKeyMs = 1000;

function listenForStop(): Stopping {
  const stop = new AbortController();
  const hurry = new AbortController();
  let firstAt: number | undefined;
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      firstAt ??= performance.now();
      if (performance.now() - firstAt > sameKeyMs) hurry.abort();
      stop.abort();
    });
  }
  if (process.env.npm_lifecycle_event !== undefined) whenParentGoes(() => stop.abort());
  return { signal: stop.signal, hurry: hurry.signal };
}

/** npm that was killed cannot pass a signal on: its going is one. */
function whenParentGoes(then: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    then();
  }, 1000);
  timer.unref();
}

/** Runs a command between the set-up and its undoing, and ends the process with the command's exit code. */
export async function runCommand(
  options: Omit<PrepareOptions, "root" | "signal">,
  work: (ready: Ready, stopping: Stopping) => Promise<number>,
): Promise<never> {
  const stopping = listenForStop();
  let code = 1;
  try {
    const ready = await prepare({ ...options, root: process.cwd(), signal: stopping.signal });
    try {
      code = await work(ready, stopping);
    } finally {
      await ready.stop();
    }
  } catch (error) {
    if (stopping.signal.aborted) {
      console.error(`stopped (${messageOf(error)})`);
      code = 130;
    } else reportError(error);
  }
  process.exit(code);
}
