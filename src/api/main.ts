import type { Server } from "node:http";
import { type Config, readConfig } from "../shared/config.ts";
import { createLog } from "../shared/log.ts";
import { startReaper } from "../shared/reaper.ts";
import { checkRedis, connectRedis } from "../shared/redis/client.ts";
import { keysOf } from "../shared/redis/keys.ts";
import { createAcceptance } from "./accept.ts";
import { isLoopback } from "./auth.ts";
import { createBells } from "./bells.ts";
import { type Connection, openConnection } from "./connection.ts";
import type { ApiContext } from "./context.ts";
import { dispatch } from "./dispatch.ts";
import { checkHealth } from "./health.ts";
import { createHttpServer } from "./http.ts";
import { guardMemory } from "./memory-guard.ts";
import { createSerial } from "./serial.ts";
import { createSubscriptions } from "./subscriptions.ts";

/**
 * An API node: starting ──▶ serving ──SIGTERM, SIGINT──▶ closing its connections with 1012 ──▶ exit 0.
 * It holds nothing that another node could not read from Redis.
 */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  refuseOpenDoor(config);
  const log = createLog("api", config.logLevel);
  const stopped = untilStopped();

  const redis = connectRedis(config.redisUrl, log, "codebeaker-api");
  const subscriber = connectRedis(config.redisUrl, log, "codebeaker-api-events");
  const checked = await Promise.race([checkRedis(redis, log).then(() => true), stopped.then(() => false)]);
  if (!checked) process.exit(0);

  const keys = keysOf(config.keyPrefix);
  const bells = createBells(redis, keys, log);
  const memory = guardMemory(redis, log);
  const subscriptions = createSubscriptions(subscriber, keys, log);
  const acceptance = createAcceptance(redis, keys, bells, memory);
  const ctx: ApiContext = {
    config,
    redis,
    keys,
    log,
    subscriptions,
    bells,
    acceptance,
    memory,
    inputs: createSerial(),
  };

  const connections = new Set<Connection>();
  const onUnexpected = (error: unknown, method: string) =>
    log.error({ err: error, method }, "unexpected error");
  const server = createHttpServer(
    config,
    () => checkHealth(redis, keys),
    (socket, stream) => {
      const connection = openConnection(
        socket,
        stream,
        (method, params, caller) => dispatch(method, params, ctx, caller),
        onUnexpected,
      );
      connections.add(connection);
      void connection.closed.then(() => connections.delete(connection));
    },
  );
  const { address, port } = await listen(server, config);
  log.info({ address, port }, "listening");
  const stopping = new AbortController();
  startReaper(redis, keys, config, log, stopping.signal);

  await stopped;
  stopping.abort();
  server.close();
  for (const connection of connections) connection.close();
  await Promise.all([...connections].map(({ closed }) => closed));
  memory.close();
  subscriptions.close();
  await bells.close();
  log.info("stopped");
  process.exit(0);
}

function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => resolve());
  });
}

/** @throws Error when others than this machine could run code here without a key. */
function refuseOpenDoor({ host, apiKey }: Config): void {
  if (apiKey !== undefined || isLoopback(host)) return;
  throw new Error(
    `CODEBEAKER_HOST=${host} can be reached by others, who could run code here. Set CODEBEAKER_API_KEY, or listen on 127.0.0.1.`,
  );
}

/** @throws Error that says why it can't listen there. */
function listen(server: Server, { host, port }: Config): Promise<{ address: string; port: number }> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EADDRINUSE") return reject(error);
      reject(
        new Error(
          `Port ${port} of ${host} is in use by another process. Set CODEBEAKER_PORT to another one.`,
        ),
      );
    });
    server.listen(port, host, () => {
      const bound = server.address();
      if (bound === null || typeof bound === "string") return reject(new Error("no address"));
      resolve({ address: bound.address, port: bound.port });
    });
  });
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
