import type Docker from "dockerode";
import { z } from "zod";
import type { SessionRecord } from "../../shared/redis/sessions.ts";
import type { WorkerContext } from "../context.ts";

/** A container of a session, and the uid of its agent (the sandbox user's is one below). */
export interface SessionContainer {
  id: string;
  agentUid: number;
}

export const LABEL = {
  deployment: "codebeaker.deployment",
  worker: "codebeaker.worker",
  session: "codebeaker.session",
} as const;

const MIB = 1_048_576;
const PIDS = 256;
/** Pids that programs can't take: for the agent's threads, and for runc and the relay of a next worker (FACTS §8). */
const RESERVED_PIDS = 32;
const PAGE_BYTES = 4096;
const MOST_SLOTS = 4096;

const DockerError = z.object({ statusCode: z.number(), message: z.string().default("") });

/** The status of the engine's answer, where an error is one. */
export function engineStatus(error: unknown): number | undefined {
  return DockerError.safeParse(error).data?.statusCode;
}

/** uid of the sandbox user of a slot; its agent has the one above. No two live containers of a host share one. */
function sandboxUid(uidBase: number, slot: number): number {
  return uidBase + 2 * slot;
}

/**
 * All that memory can be filled with, without a process that the kernel could kill for it (tmpfs, /dev/shm, SysV), stays
 * below the memory limit: else PID 1 would be the only victim left.
 */
function tmpfsSizes(memoryBytes: number) {
  return {
    workspace: Math.floor(memoryBytes / 2),
    tmp: Math.floor(memoryBytes / 4),
    shm: Math.floor(memoryBytes / 16),
    sysvPages: Math.floor(memoryBytes / 16 / PAGE_BYTES),
  };
}

function containerOptions(
  ctx: WorkerContext,
  sessionId: string,
  session: SessionRecord,
  slot: number,
): Docker.ContainerCreateOptions {
  const uid = sandboxUid(ctx.config.uidBase, slot);
  const memoryBytes = session.memoryLimitMB * MIB;
  const size = tmpfsSizes(memoryBytes);
  const folder = (bytes: number, inodes: number) =>
    `rw,exec,nosuid,nodev,size=${bytes},nr_inodes=${inodes},uid=${uid},gid=${uid},mode=0755`;
  return {
    name: `codebeaker-${slot}`,
    Image: session.image,
    Entrypoint: ["/usr/local/lib/codebeaker/agent", "serve"],
    Cmd: [
      "--sandbox-uid",
      String(uid),
      "--agent-uid",
      String(uid + 1),
      "--max-lifetime-seconds",
      String(Math.ceil(session.maxLifetimeMinutes * 60)),
    ],
    User: "0:0",
    Labels: {
      [LABEL.deployment]: ctx.deployment,
      [LABEL.worker]: ctx.tenure.workerId,
      [LABEL.session]: sessionId,
    },
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
    NetworkDisabled: true,
    HostConfig: {
      AutoRemove: true,
      ...(ctx.config.runtime && { Runtime: ctx.config.runtime }),
      CapDrop: ["ALL"],
      CapAdd: ["SETUID", "SETGID", "KILL"],
      SecurityOpt: ["no-new-privileges"],
      ReadonlyRootfs: true,
      NetworkMode: "none",
      IpcMode: "private",
      ShmSize: size.shm,
      Memory: memoryBytes,
      MemorySwap: memoryBytes,
      NanoCpus: Math.round(session.cpus * 1e9),
      PidsLimit: PIDS,
      LogConfig: { Type: "none", Config: {} },
      Tmpfs: {
        "/workspace": folder(size.workspace, 65_536),
        "/tmp": folder(size.tmp, 32_768),
        "/run/codebeaker": "rw,noexec,nosuid,nodev,size=65536,mode=0755",
      },
      Sysctls: {
        "kernel.shmall": String(size.sysvPages),
        // A server in the session can bind its port again at once.
        "net.ipv4.tcp_max_tw_buckets": "0",
      },
      Ulimits: [
        { Name: "nproc", Soft: PIDS - RESERVED_PIDS, Hard: PIDS - RESERVED_PIDS },
        { Name: "nofile", Soft: 4096, Hard: 4096 },
        { Name: "fsize", Soft: memoryBytes, Hard: memoryBytes },
        { Name: "core", Soft: 0, Hard: 0 },
      ],
    },
  };
}

/**
 * Creates the container of a session, not yet started, in the lowest free slot of the host. Docker's refusal of a taken
 * name is what keeps slots apart, also between workers and installations.
 * @throws what the engine said; 404 when the image is missing.
 */
export async function createContainer(
  ctx: WorkerContext,
  sessionId: string,
  session: SessionRecord,
  taken: Set<number>,
): Promise<SessionContainer & { slot: number }> {
  for (let slot = 0; slot < MOST_SLOTS; slot++) {
    if (taken.has(slot)) continue;
    taken.add(slot);
    try {
      const container = await ctx.docker.createContainer(containerOptions(ctx, sessionId, session, slot));
      return { id: container.id, agentUid: agentUidOf(ctx, slot), slot };
    } catch (error) {
      taken.delete(slot);
      if (engineStatus(error) !== 409) throw error;
    }
  }
  throw new Error(`all ${MOST_SLOTS} slots of this host are taken`);
}

/** Removes a container with all that runs in it; one that is gone or going already is no error. */
export async function removeContainer(ctx: WorkerContext, containerId: string): Promise<void> {
  try {
    await ctx.docker.getContainer(containerId).remove({ force: true });
  } catch (error) {
    const status = engineStatus(error);
    if (status !== 404 && status !== 409) throw error;
  }
}

/** Whether a container runs; `unknown` while the engine does not answer. */
export async function containerState(
  ctx: WorkerContext,
  containerId: string,
): Promise<"running" | "gone" | "unknown"> {
  try {
    const { State } = await ctx.docker.getContainer(containerId).inspect();
    return State.Running ? "running" : "gone";
  } catch (error) {
    return engineStatus(error) === 404 ? "gone" : "unknown";
  }
}

/** A container as the engine lists it. */
export interface ListedContainer {
  id: string;
  sessionId: string;
  slot: number;
  running: boolean;
}

/** The containers of this installation and worker, whatever their state. */
export async function listContainers(ctx: WorkerContext): Promise<ListedContainer[]> {
  const filters = JSON.stringify({
    label: [`${LABEL.deployment}=${ctx.deployment}`, `${LABEL.worker}=${ctx.tenure.workerId}`],
  });
  const containers = await ctx.docker.listContainers({ all: true, filters });
  return containers.map((container) => ({
    id: container.Id,
    sessionId: container.Labels[LABEL.session] ?? "",
    slot: Number(/codebeaker-(\d+)$/.exec(container.Names[0] ?? "")?.[1] ?? -1),
    running: container.State === "running",
  }));
}

/** uid of the agent in the container of a slot. */
export function agentUidOf(ctx: WorkerContext, slot: number): number {
  return sandboxUid(ctx.config.uidBase, slot) + 1;
}
