import { createHash } from "node:crypto";
import Docker from "dockerode";
import { z } from "zod";
import type { Config } from "../../shared/config.ts";
import type { Log } from "../../shared/log.ts";
import { pause } from "../../shared/pause.ts";
import { missingLimits } from "./engine-limits.ts";

const EngineInfo = z.object({
  ID: z.string(),
  Name: z.string(),
  Runtimes: z.record(z.string(), z.unknown()).nullish(),
});

/** An engine that is stopped or cut off takes a request and never answers: then it is given up. */
const REQUEST_DEADLINE_MS = 60_000;
const START_RETRY_MS = 1000;

/** A Docker Engine, and who it is. */
export interface Engine {
  docker: Docker;
  /** The same engine, for what becomes a stream and may be silent for as long as it likes. */
  streams: Docker;
  id: string;
  host: string;
}

/**
 * The client of the engine at `DOCKER_HOST`: unix:///path, tcp://host:port or http://host:port. With `timeout` (ms) each
 * request fails that nothing is heard of for so long.
 */
function dockerClient(dockerHost: string, options: { timeout?: number } = {}): Docker {
  const url = new URL(dockerHost);
  if (url.protocol === "unix:") return new Docker({ ...options, socketPath: url.pathname });
  if (url.protocol === "tcp:" || url.protocol === "http:") {
    const port = Number(url.port || 2375);
    return new Docker({ ...options, protocol: "http", host: url.hostname, port });
  }
  throw new Error(`DOCKER_HOST ${dockerHost} is not supported. Use unix:///path or tcp://host:port.`);
}

/**
 * Connects to the engine, waiting for it where it does not answer yet, and refuses one that can't hold programs to their
 * limits: it would run them without. Undefined when `signal` was aborted first.
 * @throws Error that names what is missing.
 */
export async function connectEngine(
  config: Config,
  log: Log,
  signal: AbortSignal,
): Promise<Engine | undefined> {
  const docker = dockerClient(config.dockerHost, { timeout: REQUEST_DEADLINE_MS });
  const answer = await firstAnswer(docker, config.dockerHost, log, signal);
  if (answer === undefined) return undefined;
  const info = EngineInfo.parse(answer);
  const missing = missingLimits(answer);
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
  return { docker, streams: dockerClient(config.dockerHost), id: info.ID, host: info.Name };
}

/** What the engine says of itself. It may be started after the worker, as after a restart of the host. */
async function firstAnswer(
  docker: Docker,
  dockerHost: string,
  log: Log,
  signal: AbortSignal,
): Promise<unknown> {
  let reported = false;
  do {
    try {
      return await docker.info();
    } catch (error) {
      if (!reported) {
        log.error(
          { err: error },
          `the Docker Engine at ${dockerHost} does not answer; waiting for it. Check that it runs, and DOCKER_HOST.`,
        );
      }
      reported = true;
    }
  } while (await pause(START_RETRY_MS, signal));
  return undefined;
}

/** The id of the worker on an engine: the same after a restart and in a container, one for each installation. */
export function workerIdOf(engine: Engine, keyPrefix: string): string {
  const hash = createHash("sha256").update(`${engine.id}\n${keyPrefix}`).digest("hex").slice(0, 8);
  // BullMQ takes no ':' in a queue's name.
  return `${engine.host.replace(/[^A-Za-z0-9_.-]/g, "-")}-${hash}`;
}
