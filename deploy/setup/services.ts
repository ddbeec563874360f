import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { lastLines } from "./child.ts";
import { messageOf, SetupError } from "./errors.ts";
import { leftBehind, type OwnProcess, startProcess } from "./processes.ts";
import type { Progress } from "./progress.ts";
import type { StateFolder } from "./state.ts";

/** The addresses of the API node. */
export interface Address {
  readonly http: string;
  readonly webSocket: string;
}

/** A child that is started again when it dies: running → died → waiting → running …, until `stop`. */
export interface Service {
  readonly name: string;
  readonly logFile: string;
  /** SIGTERM, SIGKILL after the deadline; may be called twice. */
  stop(deadlineMs: number): Promise<void>;
}

const firstBackoffMs = 500;
const longestBackoffMs = 10_000;
/** One that ran this long had started well, so the next restart waits little again. */
const steadyMs = 30_000;
const leftDeadlineMs = 5000;
const healthDeadlineMs = 60_000;

/** Where the API node listens, as its configuration says, seen from this machine. */
export function addressOf(environment: NodeJS.ProcessEnv): Address {
  const host = environment.CODEBEAKER_HOST || "127.0.0.1";
  const reachable = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  const authority = `${reachable.includes(":") ? `[${reachable}]` : reachable}:${portOf(environment)}`;
  return { http: `http://${authority}`, webSocket: `ws://${authority}/ws/jsonrpc` };
}

/** Fails with a clear message when the port of the API node is taken. */
export async function checkPort(environment: NodeJS.ProcessEnv): Promise<void> {
  const port = portOf(environment);
  const failure = await new Promise<string | undefined>((resolve) => {
    const server = createServer();
    server.once("error", (error) => resolve(messageOf(error)));
    server.listen(port, environment.CODEBEAKER_HOST || "127.0.0.1", () =>
      server.close(() => resolve(undefined)),
    );
  });
  if (failure === undefined) return;
  throw new SetupError(`the API node can't listen on port ${port}: ${failure}`, [
    "another npm start, or another program, uses it: stop that one",
    `or choose another port: CODEBEAKER_PORT=${port + 1} npm start`,
  ]);
}

/** Stops the API node and the worker that an earlier run, killed meanwhile, has left behind. */
export async function stopLeftServices(state: StateFolder): Promise<void> {
  const left = [...leftBehind(state, "api"), ...leftBehind(state, "worker")];
  await Promise.all(left.map((process) => process.stop(leftDeadlineMs)));
}

/** Starts src/NAME/main.ts as a child. */
export async function startService(
  name: "api" | "worker",
  tools: { root: string; state: StateFolder; progress: Progress; environment: NodeJS.ProcessEnv },
): Promise<Service> {
  const { root, state, progress, environment } = tools;
  const logFile = join(state.logs, `${name}.log`);
  const stopping = new AbortController();
  let current: OwnProcess | undefined;
  let backoffMs = firstBackoffMs;

  const run = () => {
    const startedAt = performance.now();
    const process = startProcess(state, {
      name,
      command: globalThis.process.execPath,
      args: ["--import", "tsx", join(root, "src", name, "main.ts")],
      logFile,
      env: environment,
    });
    current = process;
    process.child.once("exit", (code, signal) => {
      if (stopping.signal.aborted) return;
      if (performance.now() - startedAt > steadyMs) backoffMs = firstBackoffMs;
      progress.say(
        `✖ the ${name} ended (${signal ?? `exit code ${code}`}); starting it again in ${backoffMs / 1000} s`,
      );
      for (const line of lastLines(logFile, 3)) progress.say(`  │ ${line.slice(0, 300)}`);
      pause(backoffMs, undefined, { signal: stopping.signal }).then(run, () => undefined);
      backoffMs = Math.min(backoffMs * 2, longestBackoffMs);
    });
  };
  run();
  return {
    name,
    logFile,
    async stop(deadlineMs) {
      stopping.abort();
      await current?.stop(deadlineMs);
    },
  };
}

/** Waits until the API node says that a client would be served. */
export async function awaitHealth(
  address: Address,
  services: readonly Service[],
  signal: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + healthDeadlineMs;
  let seen = "no answer";
  while (performance.now() < deadline) {
    signal.throwIfAborted();
    try {
      const response = await fetch(`${address.http}/health`, { signal: AbortSignal.timeout(2000) });
      if (response.status === 200) return;
      seen = `${response.status} ${(await response.text()).slice(0, 300)}`;
    } catch (error) {
      seen = messageOf(error);
    }
    await pause(100);
  }
  const tail = services.flatMap((service) =>
    lastLines(service.logFile, 6).map((line) => `${service.name}: ${line}`),
  );
  throw new SetupError(
    `the service is not healthy after ${healthDeadlineMs / 1000} s (GET /health: ${seen})`,
    services.map((service) => `the log of the ${service.name}: ${service.logFile}`),
    tail,
  );
}

function portOf(environment: NodeJS.ProcessEnv): number {
  return Number(environment.CODEBEAKER_PORT || 5000);
}
