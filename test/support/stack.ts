import { randomBytes } from "node:crypto";
import Docker from "dockerode";
import { Redis } from "ioredis";
import { type Client, connect } from "./client.ts";
import { type ServiceProcess, startProcess } from "./process.ts";

/** An installation of its own: API nodes and workers under a key prefix that nobody else uses, on the real Redis and engine. */
export interface Stack {
  prefix: string;
  /** WebSocket addresses, one an API node. */
  urls: string[];
  apis: ServiceProcess[];
  workers: ServiceProcess[];
  redis: Redis;
  docker: Docker;
  /** What a further process of this installation is started with. */
  env: Record<string, string>;
  /** Containers of this installation, by session. */
  containers: () => Promise<{ id: string; sessionId: string }[]>;
  /** Stops everything, and removes every container and key. */
  stop: () => Promise<void>;
}

export interface StackOptions {
  apis?: number;
  workers?: number;
  env?: Record<string, string>;
}

export const REDIS_URL = process.env.REDIS_URL || "redis://127.0.0.1:6379";

/** The engine that the tests use. */
export const ENGINE_HOST = process.env.DOCKER_HOST || "unix:///var/run/docker.sock";

/** A client of an engine: of that which the tests use, unless it is another one. */
export function dockerClient(host = ENGINE_HOST): Docker {
  const url = new URL(host);
  return url.protocol === "unix:"
    ? new Docker({ socketPath: url.pathname })
    : new Docker({ protocol: "http", host: url.hostname, port: Number(url.port) });
}

/** Starts an API node and resolves with its WebSocket address once it listens. */
export async function startApi(env: Record<string, string>): Promise<{ api: ServiceProcess; url: string }> {
  const api = startProcess("api", { ...env, CODEBEAKER_PORT: "0" });
  const { port } = await api.logged(/^listening$/);
  return { api, url: `ws://127.0.0.1:${port}/ws/jsonrpc` };
}

/** Starts a worker and resolves once it has taken the lease. */
export async function startWorker(env: Record<string, string>): Promise<ServiceProcess> {
  const worker = startProcess("worker", env);
  await worker.logged(/this process is the worker/);
  return worker;
}

export async function startStack({
  apis = 1,
  workers = 1,
  env: more = {},
}: StackOptions = {}): Promise<Stack> {
  const prefix = `cbt-${randomBytes(5).toString("hex")}`;
  const env: Record<string, string> & { REDIS_URL: string } = {
    REDIS_URL,
    CODEBEAKER_KEY_PREFIX: prefix,
    LOG_LEVEL: "info",
    ...more,
  };
  const redis = new Redis(env.REDIS_URL, { maxRetriesPerRequest: null });
  // A test may take its Redis away.
  redis.on("error", () => {});
  const docker = dockerClient(env.DOCKER_HOST);
  const [startedApis, startedWorkers] = await Promise.all([
    Promise.all(Array.from({ length: apis }, () => startApi(env))),
    Promise.all(Array.from({ length: workers }, () => startWorker(env))),
  ]);
  const stack: Stack = {
    prefix,
    urls: startedApis.map(({ url }) => url),
    apis: startedApis.map(({ api }) => api),
    workers: startedWorkers,
    redis,
    docker,
    env,
    containers: async () => {
      const deployment = await redis.get(`${prefix}:deployment`);
      const listed = await docker.listContainers({
        all: true,
        filters: JSON.stringify({ label: [`codebeaker.deployment=${deployment}`] }),
      });
      return listed.map(({ Id, Labels }) => ({ id: Id, sessionId: Labels["codebeaker.session"] ?? "" }));
    },
    stop: async () => {
      for (const { child } of [...stack.apis, ...stack.workers]) child.kill("SIGCONT");
      await Promise.all([...stack.apis, ...stack.workers].map((process) => process.kill()));
      // An engine of the test's own may be gone, and its containers with it.
      for (const { id } of await stack.containers().catch(() => [])) {
        // AutoRemove may be faster.
        await docker
          .getContainer(id)
          .remove({ force: true })
          .catch(() => {});
      }
      for await (const keys of redis.scanStream({ match: `${prefix}:*`, count: 1000 })) {
        if (keys.length > 0) await redis.del(...keys);
      }
      redis.disconnect();
    },
  };
  return stack;
}

/** Runs `use` with an installation of its own, and a client of it. */
export async function withStack(
  options: StackOptions,
  use: (stack: Stack, client: Client) => Promise<void>,
): Promise<void> {
  const stack = await startStack(options);
  try {
    const client = await connect(stack.urls[0] ?? "");
    try {
      await use(stack, client);
    } finally {
      await client.close();
    }
  } finally {
    await stack.stop();
  }
}
