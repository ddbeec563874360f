import { readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import { lastLines } from "./child.ts";
import { messageOf, SetupError } from "./errors.ts";
import { leftBehind, type OwnProcess, startProcess } from "./processes.ts";
import type { StateFolder } from "./state.ts";

/** A Redis that answers; `own` is the process when this set-up has to stop it. */
export interface FoundRedis {
  readonly url: string;
  /** Where the processes of this run connect: a unix socket where it is ours, since a command takes 4 to 8 % longer by loopback's TCP. */
  readonly address: string;
  readonly origin: string;
  readonly own: OwnProcess | undefined;
}

const defaultPort = 6379;
const oldestMajor = 7;
const startDeadlineMs = 30_000;
/** unix(7): sun_path has 108 bytes, the last of which is NUL. */
const longestSocketPath = 107;

/** Looks for a Redis that runs: `REDIS_URL`, else localhost. */
export async function findRedis(
  environment: NodeJS.ProcessEnv,
  state: StateFolder,
): Promise<FoundRedis | undefined> {
  if (environment.REDIS_URL) {
    await checkVersion(environment.REDIS_URL);
    const url = environment.REDIS_URL;
    return { url, address: url, origin: "REDIS_URL", own: undefined };
  }
  const port = await portOfRedis([defaultPort, rememberedPort(state)]);
  if (port === undefined) return undefined;
  const url = `redis://127.0.0.1:${port}`;
  await checkVersion(url);
  const own = leftBehind(state, "redis")[0];
  return { url, address: url, origin: own ? "left behind by an earlier run" : "was running", own };
}

/** Starts a Redis (or Valkey) as a child: durable, never evicting, on loopback, its data in the state folder. */
export async function startRedis(
  program: string,
  state: StateFolder,
  signal: AbortSignal,
): Promise<FoundRedis> {
  for (const old of leftBehind(state, "redis")) await old.stop(10_000);
  const port = (await whatAnswers(defaultPort)) === "nothing" ? defaultPort : await freePort();
  const logFile = join(state.logs, "redis.log");
  const socket = join(state.redis, "redis.sock");
  const hasSocket = Buffer.byteLength(socket) <= longestSocketPath;
  const settings = {
    port,
    bind: "127.0.0.1",
    ...(hasSocket && { unixsocket: socket, unixsocketperm: 700 }),
    dir: state.redis,
    appendonly: "yes",
    appendfsync: "everysec",
    save: "",
    "maxmemory-policy": "noeviction",
    daemonize: "no",
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const own = startProcess(state, { name: "redis", command: program, args, logFile });
  const url = `redis://127.0.0.1:${port}`;
  writeFileSync(portFile(state), String(port));
  const deadline = performance.now() + startDeadlineMs;
  while ((await whatAnswers(port)) !== "redis") {
    if (own.child.exitCode !== null || performance.now() > deadline || signal.aborted) {
      await own.stop(1000);
      throw new SetupError(`${program} did not start`, [`the whole log: ${logFile}`], lastLines(logFile));
    }
    await pause(50);
  }
  try {
    await checkVersion(url);
  } catch (error) {
    await own.stop(5000);
    throw error;
  }
  return { url, address: hasSocket ? socket : url, origin: `started, data in ${state.redis}`, own };
}

/** The first of these ports where a Redis answers, once it has loaded its data. */
async function portOfRedis(ports: readonly number[]): Promise<number | undefined> {
  for (const port of ports) {
    const deadline = performance.now() + startDeadlineMs;
    let answer = await whatAnswers(port);
    while (answer === "loading" && performance.now() < deadline) {
      await pause(200);
      answer = await whatAnswers(port);
    }
    if (answer === "redis") return port;
  }
  return undefined;
}

/** The port of the Redis that this set-up started last: another one when 6379 was taken by something else. */
function rememberedPort(state: StateFolder): number {
  try {
    return Number.parseInt(readFileSync(portFile(state), "utf8"), 10) || defaultPort;
  } catch {
    return defaultPort;
  }
}

const portFile = (state: StateFolder) => join(state.redis, "port");

type Answer = "nothing" | "redis" | "loading" | "locked" | "stranger";

/** Who listens on a port of localhost: a Redis, one that wants a password, something else, nobody. */
function whatAnswers(port: number): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    const end = (answer: Answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(2000, () => end("stranger"));
    socket.once("connect", () => socket.write("PING\r\n"));
    socket.once("error", () => end("nothing"));
    socket.once("close", () => resolve("stranger"));
    socket.once("data", (data) => {
      const text = data.toString();
      if (text.startsWith("+PONG")) end("redis");
      else if (text.startsWith("-LOADING")) end("loading");
      else end(/^-(NOAUTH|DENIED)/.test(text) ? "locked" : "stranger");
    });
  });
}

/** Refuses a Redis that is older than the scripts need. */
async function checkVersion(url: string): Promise<void> {
  const redis = new Redis(url, {
    lazyConnect: true,
    maxRetriesPerRequest: 1,
    retryStrategy: () => null,
    connectTimeout: 5000,
  });
  redis.on("error", () => {});
  try {
    await redis.connect();
    const info = await redis.info("server");
    const version = /^redis_version:(\d+)(\S*)/m.exec(info);
    if (Number(version?.[1] ?? 0) >= oldestMajor) return;
    throw new SetupError(`the Redis at ${withoutPassword(url)} is version ${version?.[1]}${version?.[2]}`, [
      `CodeBeaker needs Redis ${oldestMajor} or later, or Valkey`,
      "set REDIS_URL to another one, or stop this one and put a newer redis-server or valkey-server on the PATH",
    ]);
  } catch (error) {
    if (error instanceof SetupError) throw error;
    throw new SetupError(`the Redis at ${withoutPassword(url)} does not answer: ${messageOf(error)}`, [
      "check REDIS_URL, or unset it to use or start a Redis on this machine",
    ]);
  } finally {
    redis.disconnect();
  }
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@/]*@/, "//…@");
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        typeof address === "object" && address !== null
          ? resolve(address.port)
          : reject(new Error("no free port")),
      );
    });
  });
}
