import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { freePort } from "./free-port.ts";

/** A Redis of a test's own, which it may stop and kill. */
export interface RedisServer {
  url: string;
  /** Stops and wakes it up: its connections stay, and nobody answers. */
  pause: () => void;
  resume: () => void;
  /** SIGKILL, as when its host loses power. */
  kill: () => Promise<void>;
  /** Starts it again on what it wrote to disk. */
  restart: () => Promise<void>;
  /** Ends it and removes its data. */
  close: () => Promise<void>;
}

/** Starts a redis-server as the project's own is set up, append-only and without eviction, but for what `other` says. */
export async function startRedisServer(other: Record<string, string> = {}): Promise<RedisServer> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), "codebeaker-redis-"));
  const url = `redis://127.0.0.1:${port}`;
  const settings = {
    port: String(port),
    bind: "127.0.0.1",
    dir: folder,
    save: "",
    appendonly: "yes",
    appendfsync: "everysec",
    "maxmemory-policy": "noeviction",
    ...other,
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);

  async function start() {
    const child = spawn("redis-server", args, { stdio: "ignore" });
    await once(child, "spawn");
    const client = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
    client.on("error", () => {});
    await client.ping();
    client.disconnect();
    return child;
  }

  let child = await start();
  // A test run that is interrupted, or a test that is given up.
  const end = () => {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("exit", end);
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  return {
    url,
    pause: () => child.kill("SIGSTOP"),
    resume: () => child.kill("SIGCONT"),
    kill,
    restart: async () => {
      child = await start();
    },
    close: async () => {
      process.off("exit", end);
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
