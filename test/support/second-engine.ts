import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import Docker from "dockerode";
import { dockerClient } from "./stack.ts";

/**
 * A Docker Engine of a test's own beside the developer's, which it may kill. It lives in a pid and a mount namespace, as on
 * a host of its own: when the first process of that namespace ends, the kernel ends dockerd, containerd, every shim and
 * every container with it, and what they had mounted is gone. So nothing of it stays, however the test ends.
 */
export interface SecondEngine {
  /** For `DOCKER_HOST`. */
  host: string;
  docker: Docker;
  /** SIGKILL of dockerd alone: shims and containers live on. */
  killDaemon: () => Promise<void>;
  /** Everything of it dies at once: dockerd, containerd, shims and containers. */
  killAll: () => Promise<void>;
  /** Starts it again on the same data; resolves once it answers. */
  restart: () => Promise<void>;
  /** Ends it and removes all that it had. */
  close: () => Promise<void>;
}

/** Not the usual folder for temporary files, which may be kept in memory. */
const FOLDER = "/var/tmp";
const IMAGE = "codebeaker-python:latest";
const NEEDED = ["dockerd", "containerd", "setpriv", "unshare", "nsenter"];
const START_DEADLINE_MS = 60_000;
const POLL_MS = 50;
/** The first process: takes up what its parents left behind, as an init does. */
const FIRST_PROCESS = "mount -t tmpfs tmpfs /run/containerd && echo ready && { sleep infinity & wait; }";

/** Why there can be no second engine on this machine; undefined where there can. */
export function whyNoSecondEngine(): string | undefined {
  if (process.getuid?.() !== 0) return "only root may start one";
  const folders = (process.env.PATH ?? "").split(":");
  const missing = NEEDED.filter((program) => !folders.some((folder) => existsSync(join(folder, program))));
  return missing.length > 0 ? `not on this machine: ${missing.join(", ")}` : undefined;
}

/** Starts an engine that has the Python image. `liveRestore`: its containers are to outlive its dockerd. */
export async function startSecondEngine({ liveRestore = false } = {}): Promise<SecondEngine> {
  removeLeftBehind();
  const folder = await mkdtemp(`${FOLDER}/codebeaker-engine-${process.pid}-`);
  const docker = new Docker({ socketPath: join(folder, "docker.sock") });
  const settings = {
    host: `unix://${join(folder, "docker.sock")}`,
    "config-file": join(folder, "daemon.json"),
    "data-root": join(folder, "data"),
    "exec-root": join(folder, "exec"),
    pidfile: join(folder, "docker.pid"),
    "cgroup-parent": `/${basename(folder)}`,
    "exec-opt": "native.cgroupdriver=cgroupfs",
    bridge: "none",
    iptables: "false",
  };
  await writeFile(settings["config-file"], JSON.stringify({ "live-restore": liveRestore }));
  const log = await open(join(folder, "log"), "a");
  let machine: ChildProcess | undefined;
  let daemon: ChildProcess | undefined;

  async function startMachine(): Promise<ChildProcess> {
    const namespaces = [
      "--pid",
      "--fork",
      "--kill-child",
      "--mount",
      "--mount-proc",
      "--propagation=private",
    ];
    const line = `mkdir -p /run/containerd && ${FIRST_PROCESS}`;
    const args = ["--pdeathsig=KILL", "unshare", ...namespaces, "sh", "-c", line];
    const child = spawn("setpriv", args, { stdio: "pipe" });
    await once(child.stdout, "data");
    return child;
  }

  async function startDaemon(): Promise<void> {
    // Those of ones that were killed would keep it from starting: in a new pid namespace another process may have that pid.
    for (const pidFile of [settings.pidfile, join(settings["exec-root"], "containerd/containerd.pid")]) {
      await rm(pidFile, { force: true });
    }
    const args = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
    const target = `--target=${childOf(machine)}`;
    daemon = spawn("nsenter", [target, "--mount", "--pid", "dockerd", ...args], {
      stdio: ["ignore", log.fd, log.fd],
    });
    const deadline = performance.now() + START_DEADLINE_MS;
    while (!(await answers(docker))) {
      if (daemon.exitCode !== null || performance.now() > deadline) {
        throw new Error(`dockerd did not start:\n${readFileSync(join(folder, "log"), "utf8").slice(-4000)}`);
      }
      await sleep(POLL_MS);
    }
  }

  const killDaemon = () => endBy(daemon, () => process.kill(childOf(daemon), "SIGKILL"));
  const killAll = async () => {
    await endBy(machine, () => process.kill(childOf(machine), "SIGKILL"));
    await endBy(daemon, () => {});
    removeCgroups(settings["cgroup-parent"]);
  };
  // A test run that is interrupted: the kernel ends what the machine ran, the folder is left to this.
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  process.once("exit", removeFolder);
  const close = async () => {
    await killAll();
    process.off("exit", removeFolder);
    await log.close();
    await rm(folder, { recursive: true, force: true });
  };

  try {
    machine = await startMachine();
    await startDaemon();
    await docker.loadImage(await dockerClient().getImage(IMAGE).get());
  } catch (error) {
    await close();
    throw error;
  }
  return {
    host: settings.host,
    docker,
    killDaemon,
    killAll,
    restart: async () => {
      if (isGone(machine)) machine = await startMachine();
      await startDaemon();
    },
    close,
  };
}

/** What a test run that was killed could not remove. */
function removeLeftBehind(): void {
  for (const name of readdirSync(FOLDER)) {
    const owner = /^codebeaker-engine-(\d+)-/.exec(name)?.[1];
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) {
      rmSync(join(FOLDER, name), { recursive: true, force: true });
    }
  }
}

function isGone(child: ChildProcess | undefined): boolean {
  return child === undefined || child.exitCode !== null || child.signalCode !== null;
}

/** Resolves once a process has ended, by what `end` does. */
async function endBy(child: ChildProcess | undefined, end: () => void): Promise<void> {
  if (child === undefined || isGone(child)) return;
  const exited = once(child, "exit");
  end();
  await exited;
}

/** unshare and nsenter stay outside of the new pid namespace; what counts is their one child. */
function childOf(parent: ChildProcess | undefined): number {
  const children = readFileSync(`/proc/${parent?.pid}/task/${parent?.pid}/children`, "utf8");
  const pid = Number(children.trim());
  if (!Number.isInteger(pid) || pid === 0) throw new Error(`one child expected, there is: '${children}'`);
  return pid;
}

async function answers(docker: Docker): Promise<boolean> {
  return docker.ping().then(
    () => true,
    () => false,
  );
}

/** The groups of killed containers, with one hierarchy (v2) or one for each controller (v1). */
function removeCgroups(parent: string): void {
  const root = "/sys/fs/cgroup";
  for (const hierarchy of ["", ...readdirSync(root)]) {
    const group = join(root, hierarchy, parent);
    if (existsSync(group)) removeCgroup(group);
  }
}

function removeCgroup(group: string): void {
  for (const entry of readdirSync(group, { withFileTypes: true })) {
    if (entry.isDirectory()) removeCgroup(join(group, entry.name));
  }
  rmdirSync(group);
}
