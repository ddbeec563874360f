import { existsSync, readFileSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import Docker from "dockerode";
import { missingLimits } from "../../src/worker/fleet/engine-limits.ts";
import { lastLines } from "./child.ts";
import { messageOf, SetupError } from "./errors.ts";
import { leftBehind, type OwnProcess, startProcess } from "./processes.ts";
import type { StateFolder } from "./state.ts";

/** A Docker engine that answers; `own` is the process when this set-up has to stop it. */
export interface FoundEngine {
  readonly host: string;
  readonly docker: Docker;
  readonly origin: string;
  readonly own: OwnProcess | undefined;
}

const localSocket = "/var/run/docker.sock";
const pidFile = "/var/run/docker.pid";
const pingDeadlineMs = 5000;
const startDeadlineMs = 60_000;

/** Looks for an engine that runs: `DOCKER_HOST`, else the sockets where one usually is. */
export async function findEngine(
  environment: NodeJS.ProcessEnv,
  state: StateFolder,
): Promise<FoundEngine | undefined> {
  if (environment.DOCKER_HOST) {
    const docker = clientOf(environment.DOCKER_HOST);
    const failure = await whyNoAnswer(docker);
    if (failure === undefined)
      return { host: environment.DOCKER_HOST, docker, origin: "DOCKER_HOST", own: undefined };
    throw new SetupError(
      `the Docker engine at DOCKER_HOST (${environment.DOCKER_HOST}) does not answer: ${failure}`,
      ["start it, or unset DOCKER_HOST to use the engine of this machine"],
    );
  }
  for (const socket of usualSockets(environment)) {
    const host = `unix://${socket}`;
    const docker = clientOf(host);
    const failure = await whyNoAnswer(docker);
    if (failure === undefined) {
      const own = socket === localSocket ? leftBehind(state, "dockerd")[0] : undefined;
      return { host, docker, origin: own ? "left behind by an earlier run" : "was running", own };
    }
    if (failure.includes("EACCES")) {
      throw new SetupError(`this user may not use the Docker engine at ${socket}`, [
        "join its group and log in again: sudo usermod -aG docker $USER",
        "or set DOCKER_HOST to an engine that you may use",
      ]);
    }
  }
  return undefined;
}

/** Starts `dockerd` as a child and waits until it answers. */
export async function startEngine(
  program: string,
  state: StateFolder,
  signal: AbortSignal,
): Promise<FoundEngine> {
  for (const old of leftBehind(state, "dockerd")) await old.stop(20_000);
  removeStalePidFile();
  const logFile = join(state.logs, "dockerd.log");
  const host = `unix://${localSocket}`;
  const first = await tryEngine(program, ["-H", host], state, logFile, signal);
  if (first !== undefined) return first;
  // Sessions have no network and builds use the host's, so an engine that may not set up a bridge will do.
  const isAboutNetwork = lastLines(logFile).some((line) =>
    /iptables|nf_tables|bridge|network controller/i.test(line),
  );
  const second =
    isAboutNetwork && !signal.aborted
      ? await tryEngine(program, ["-H", host, "--iptables=false", "--bridge=none"], state, logFile, signal)
      : undefined;
  if (second !== undefined) return second;
  throw new SetupError("dockerd did not start", [`the whole log: ${logFile}`], lastLines(logFile));
}

/** Waits for an engine that something else starts, such as the service of a package just installed. */
export async function awaitEngine(state: StateFolder, deadlineMs: number): Promise<FoundEngine | undefined> {
  const deadline = performance.now() + deadlineMs;
  while (performance.now() < deadline) {
    const found = await findEngine({}, state);
    if (found !== undefined) return found;
    await pause(500);
  }
  return undefined;
}

/** Refuses an engine that cannot enforce the limits of a session, by the name of the limit. */
export async function checkLimits(engine: FoundEngine, environment: NodeJS.ProcessEnv): Promise<void> {
  if (environment.CODEBEAKER_ALLOW_MISSING_LIMITS === "true") return;
  const missing = missingLimits(await engine.docker.info());
  if (missing.length === 0) return;
  throw new SetupError(`the Docker engine at ${engine.host} can't enforce limits on ${missing.join(", ")}`, [
    "programs could take the whole machine; give the engine these cgroup controllers",
    "or go on all the same: CODEBEAKER_ALLOW_MISSING_LIMITS=true",
  ]);
}

async function tryEngine(
  program: string,
  args: readonly string[],
  state: StateFolder,
  logFile: string,
  signal: AbortSignal,
): Promise<FoundEngine | undefined> {
  const own = startProcess(state, { name: "dockerd", command: program, args, logFile });
  const host = `unix://${localSocket}`;
  const docker = clientOf(host);
  const deadline = performance.now() + startDeadlineMs;
  while (own.child.exitCode === null && performance.now() < deadline && !signal.aborted) {
    if ((await whyNoAnswer(docker)) === undefined)
      return { host, docker, origin: `started, log in ${logFile}`, own };
    await pause(100);
  }
  await own.stop(10_000);
  return undefined;
}

function clientOf(host: string): Docker {
  const socketPath = /^unix:\/\/(.*)$/.exec(host)?.[1];
  if (socketPath !== undefined) return new Docker({ socketPath });
  // docker-modem reads every other form of DOCKER_HOST, and DOCKER_CERT_PATH, itself.
  return new Docker();
}

async function whyNoAnswer(docker: Docker): Promise<string | undefined> {
  const late = new Promise<string>((resolve) =>
    setTimeout(resolve, pingDeadlineMs, "no answer in time").unref(),
  );
  const answer = docker.ping().then(
    () => undefined,
    (error: unknown) => messageOf(error) || "no connection",
  );
  return await Promise.race([answer, late]);
}

function usualSockets(environment: NodeJS.ProcessEnv): string[] {
  const runtimeFolder = environment.XDG_RUNTIME_DIR;
  const sockets = [
    localSocket,
    join(homedir(), ".docker", "run", "docker.sock"),
    ...(runtimeFolder ? [join(runtimeFolder, "docker.sock")] : []),
  ];
  return sockets.filter((socket) => existsSync(socket));
}

/** dockerd refuses to start beside a pid file whose number is taken, which after a reboot can be anyone's. */
function removeStalePidFile(): void {
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, "utf8"));
  const command = `/proc/${pid}/comm`;
  const isDockerd = existsSync(command) && readFileSync(command, "utf8").trim() === "dockerd";
  if (!isDockerd) rmSync(pidFile, { force: true });
}
