import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { connect } from "./support/client.ts";
import { npmRun } from "./support/command.ts";
import { containersOf, EVENTUALLY } from "./support/engine.ts";
import { startEngineWithout } from "./support/engine-without.ts";
import { freePort } from "./support/free-port.ts";
import { startProcess } from "./support/process.ts";
import { dockerClient, REDIS_URL } from "./support/stack.ts";

/** A state folder, a port and a key prefix of its own, beside whatever else runs on this machine. */
async function withPlace(
  use: (env: Record<string, string>, port: number, prefix: string) => Promise<void>,
): Promise<void> {
  const state = await mkdtemp(join(tmpdir(), "codebeaker-start-"));
  const prefix = `cbt-${randomBytes(5).toString("hex")}`;
  const port = await freePort();
  const redis = new Redis(REDIS_URL);
  try {
    const env = { XDG_STATE_HOME: state, CODEBEAKER_PORT: String(port), CODEBEAKER_KEY_PREFIX: prefix };
    await use(env, port, prefix);
  } finally {
    for await (const keys of redis.scanStream({ match: `${prefix}:*`, count: 1000 })) {
      if (keys.length > 0) await redis.del(...keys);
    }
    redis.disconnect();
    await rm(state, { recursive: true, force: true });
  }
}

/** Runs npm start where it can't succeed. */
async function failedStart(env: Record<string, string>, args: readonly string[] = []) {
  const command = npmRun(["start", ...args], env);
  const exitCode = await command.ended;
  return { exitCode, printed: command.printed() };
}

describe.concurrent("npm start", () => {
  test("shows a program run, serves, and closes on Ctrl-C what it made", ({ expect }) =>
    withPlace(async (env, port) => {
      const command = npmRun(["start"], env);
      try {
        await command.until(/All languages are ready/);
        expect(command.printed()).toMatch(/Hello from Python 3[\s\S]*step 1[\s\S]*step 3/);
        expect(command.printed()).toContain(`serving on ws://127.0.0.1:${port}/ws/jsonrpc`);

        const client = await connect(`ws://127.0.0.1:${port}/ws/jsonrpc`);
        const { sessionId } = await client.call("session.create", { language: "python" });
        expect(await containersOf(sessionId)).toHaveLength(1);
        command.interrupt();
        expect(await command.ended).toBe(0);

        await expect.poll(() => containersOf(sessionId), EVENTUALLY).toEqual([]);
        await expect(fetch(`http://127.0.0.1:${port}/health/live`)).rejects.toThrow();
        // They were running before.
        expect(await dockerClient().ping()).toBeTruthy();
        await client.close();
      } finally {
        command.interrupt();
        await command.ended;
      }
    }));

  test("a port that is taken is named, and how to choose another", () =>
    withPlace(async (env, port) => {
      const other = createServer().listen(port, "127.0.0.1");
      await once(other, "listening");
      const { exitCode, printed } = await failedStart(env);
      other.close();
      expect(exitCode).toBe(1);
      expect(printed).toMatch(new RegExp(`port ${port}[\\s\\S]*CODEBEAKER_PORT=${port + 1}`));
    }));

  test.for(["DOCKER_HOST", "REDIS_URL"])("a %s where nothing answers is named, and what to do", (name) =>
    withPlace(async (env) => {
      const address = name === "REDIS_URL" ? `redis://127.0.0.1:${await freePort()}` : "unix:///nowhere.sock";
      const { exitCode, printed } = await failedStart({ ...env, [name]: address });
      expect(exitCode).toBe(1);
      expect(printed).toContain(address);
      expect(printed).toMatch(new RegExp(`unset (it|${name}) to use`));
    }),
  );

  test("an option that it does not know is named", () =>
    withPlace(async (env) => {
      const { exitCode, printed } = await failedStart(env, ["--", "--demo"]);
      expect(exitCode).toBe(2);
      expect(printed).toContain('"--demo"');
    }));

  test("--help names its options and its variables", () =>
    withPlace(async (env) => {
      const { exitCode, printed } = await failedStart(env, ["--", "--help"]);
      expect(exitCode).toBe(0);
      for (const name of ["--no-demo", "REDIS_URL", "DOCKER_HOST", "CODEBEAKER_PORT"])
        expect(printed).toContain(name);
    }));
});

describe.concurrent.for([
  { field: "MemoryLimit", limit: "memory" },
  { field: "PidsLimit", limit: "pids" },
  { field: "CpuCfsQuota", limit: "CPU" },
])("an engine that can't enforce limits on $limit", ({ field, limit }) => {
  async function withEngine(use: (env: Record<string, string>) => Promise<void>): Promise<void> {
    const engine = await startEngineWithout(field);
    try {
      await withPlace((env) => use({ ...env, DOCKER_HOST: engine.host, REDIS_URL }));
    } finally {
      await engine.close();
    }
  }

  test("npm start refuses it by that name", () =>
    withEngine(async (env) => {
      const { exitCode, printed } = await failedStart(env);
      expect(exitCode).toBe(1);
      expect(printed).toMatch(new RegExp(`can't enforce limits on ${limit}\\n`));
      expect(printed).toContain("CODEBEAKER_ALLOW_MISSING_LIMITS=true");
    }));

  test("a worker refuses it by that name, unless configuration says to go on", () =>
    withEngine(async (env) => {
      const refusing = startProcess("worker", env);
      const [exitCode] = await once(refusing.child, "close");
      expect(exitCode).toBe(1);
      expect(refusing.tail()).toMatch(new RegExp(`can't enforce these limits: ${limit}\\.`));

      const allowed = startProcess("worker", { ...env, CODEBEAKER_ALLOW_MISSING_LIMITS: "true" });
      await allowed.logged(new RegExp(`can't enforce these limits: ${limit}\\..*Going on`));
      await allowed.kill();
    }));
});
