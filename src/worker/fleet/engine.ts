import { createHash } from "node:crypto";
import Docker from "dockerode";
import { z } from "zod";
import type { Config } from "../../shared/config.ts";
import type { Log } from "../../shared/log.ts";

const EngineInfo = z.object({
  ID: z.string(),
  Name: z.string(),
  MemoryLimit: z.boolean(),
  PidsLimit: z.boolean(),
  CpuCfsQuota: z.boolean(),
  Runtimes: z.record(z.string(), z.unknown()).nullish(),
});

/** A Docker Engine, and who it is. */
export interface Engine {
  docker: Docker;
  id: string;
  host: string;
}

/** The client of the engine at `DOCKER_HOST`: unix:///path, tcp://host:port or http://host:port. */
export function dockerClient(dockerHost: string): Docker {
  const url = new URL(dockerHost);
  if (url.protocol === "unix:") return new Docker({ socketPath: url.pathname });
  if (url.protocol === "tcp:" || url.protocol === "http:") {
    return new Docker({ protocol: "http", host: url.hostname, port: Number(url.port || 2375) });
  }
  throw new Error(`DOCKER_HOST ${dockerHost} is not supported. Use unix:///path or tcp://host:port.`);
}

/**
 * Connects to the engine and refuses one that can't hold programs to their limits: it would run them without.
 * @throws Error that names what is missing.
 */
export async function connectEngine(config: Config, log: Log): Promise<Engine> {
  const docker = dockerClient(config.dockerHost);
  const info = EngineInfo.parse(await docker.info());
  const missing = [
    ...(info.MemoryLimit ? [] : ["memory"]),
    ...(info.PidsLimit ? [] : ["pids"]),
    ...(info.CpuCfsQuota ? [] : ["CPU"]),
  ];
  if (missing.length > 0) {
    const what = `The Docker Engine at ${config.dockerHost} can't enforce these limits: ${missing.join(", ")}.`;
    if (!config.allowMissingLimits) {
      throw new Error(
        `${what} Enable their cgroup controllers, or set CODEBEAKER_ALLOW_MISSING_LIMITS=true to run programs without.`,
      );
    }
    log.warn(`${what} Going on without, as CODEBEAKER_ALLOW_MISSING_LIMITS says.`);
  }
  if (config.runtime && !(config.runtime in (info.Runtimes ?? {}))) {
    const known = Object.keys(info.Runtimes ?? {}).join(", ");
    throw new Error(
      `The Docker Engine has no runtime '${config.runtime}' (CODEBEAKER_RUNTIME). It has: ${known}.`,
    );
  }
  return { docker, id: info.ID, host: info.Name };
}

/** The id of the worker on an engine: the same after a restart and in a container, one for each installation. */
export function workerIdOf(engine: Engine, keyPrefix: string): string {
  const hash = createHash("sha256").update(`${engine.id}\n${keyPrefix}`).digest("hex").slice(0, 8);
  // BullMQ takes no ':' in a queue's name.
  return `${engine.host.replace(/[^A-Za-z0-9_.-]/g, "-")}-${hash}`;
}
