import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { z } from "zod";
import { SessionCreateResult } from "../src/shared/protocol/sessions.ts";
import { failureOf } from "./support/client.ts";
import { containersOf, EVENTUALLY } from "./support/engine.ts";
import { sharedUrl, withClient, withSession } from "./support/session.ts";
import { dockerClient, REDIS_URL, startStack } from "./support/stack.ts";

const ISO = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const sleep = { type: "execute_shell", commandName: "sleep", args: ["1000"] };

/** An answer as it came, nothing taken away. */
const Answer = z.object({ result: z.unknown() });

let redis: Redis;

beforeAll(() => {
  redis = new Redis(REDIS_URL);
});

afterAll(() => {
  redis.disconnect();
});

function sessionKey(sessionId: string): string {
  return `${inject("prefix")}:session:${sessionId}`;
}

/** Moves what a session knows of its last activity to `seconds` ago. */
async function age(sessionId: string, seconds: number): Promise<void> {
  const at = new Date(Date.now() - seconds * 1000).toISOString();
  await redis.hset(sessionKey(sessionId), "lastActivity", at);
}

describe("the given shapes, to the letter", () => {
  test("create, list, get and close", async () => {
    await withClient(async (client) => {
      const ask = async (method: string, params: object) =>
        Answer.parse(await client.raw(JSON.stringify({ jsonrpc: "2.0", id: "a", method, params }))).result;

      const created = await ask("session.create", { language: "Python", idleTimeoutMinutes: 1.5 });
      const shape = {
        sessionId: expect.stringMatching(/./),
        containerId: expect.stringMatching(/^[0-9a-f]{12,64}$/),
        language: "python",
        createdAt: ISO,
        state: "Active",
      };
      expect(created).toEqual({ ...shape, config: { idleTimeoutMinutes: 1.5, maxLifetimeMinutes: 120 } });

      const { sessionId, containerId, createdAt } = SessionCreateResult.parse(created);
      const info = {
        ...shape,
        ...{ sessionId, containerId, createdAt },
        lastActivity: ISO,
        executionCount: 0,
        idleMinutes: expect.any(Number),
        lifetimeMinutes: expect.any(Number),
      };
      const listed = await client.call("session.list");
      expect(listed.count).toBe(listed.sessions.length);
      expect(listed.sessions).toContainEqual(info);
      expect(await ask("session.get", { sessionId })).toEqual(info);
      expect(await ask("session.close", { sessionId })).toEqual({ sessionId, closed: true });
    });
  });

  test("executionCount counts, lastActivity moves", async () => {
    await withSession(async ({ client, sessionId, shell }) => {
      await age(sessionId, 30);
      const before = await client.call("session.get", { sessionId });
      expect(before.idleMinutes).toBeGreaterThanOrEqual(0.5);
      await shell("true");
      await shell("false");
      const after = await client.call("session.get", { sessionId });
      expect(after.executionCount).toBe(2);
      expect(after.lastActivity > before.lastActivity).toBe(true);
      expect(after.idleMinutes).toBeLessThan(before.idleMinutes);
    });
  });
});

describe("a session that can't be made says why", () => {
  test("an unknown language: those known are named", async () => {
    await withClient(async (client) => {
      const error = await failureOf(client.call("session.create", { language: "cobol" }));
      expect(error).toMatchObject({ code: -32602, data: { code: "INVALID_PARAMS", fault: "caller" } });
      for (const known of ["cobol", "python", "javascript", "go", "csharp"]) {
        expect(error.message).toContain(known);
      }
    });
  });

  test.each([
    ["memoryLimitMB", 63],
    ["memoryLimitMB", 64.5],
    ["cpus", 0],
    ["cpus", 65],
    ["idleTimeoutMinutes", 0],
    ["idleTimeoutMinutes", -1],
    ["maxLifetimeMinutes", 0],
    ["maxLifetimeMinutes", 1e9],
  ])("%s of %d is out of range", async (name, value) => {
    await withClient(async (client) => {
      const error = await failureOf(client.call("session.create", { language: "python", [name]: value }));
      expect(error).toMatchObject({ data: { code: "INVALID_PARAMS", issues: [{ path: name }] } });
    });
  });

  test("the limits asked for are those of the container", async () => {
    await withSession(
      async ({ sessionId }) => {
        const [id = ""] = await containersOf(sessionId);
        const { HostConfig } = await dockerClient().getContainer(id).inspect();
        expect(HostConfig).toMatchObject({
          Memory: 96 * 1_048_576,
          MemorySwap: 96 * 1_048_576,
          NanoCpus: 5e8,
        });
      },
      { memoryLimitMB: 96, cpus: 0.5 },
    );
  });

  test("with no worker, sessions wait, beyond the queue they are OVERLOADED at once, after 30 s as well", async () => {
    const stack = await startStack({ workers: 0, env: { CODEBEAKER_CREATE_QUEUE: "1" } });
    try {
      await withClient(async (client) => {
        const create = () => failureOf(client.call("session.create", { language: "python" }));
        const overloaded = { data: { code: "OVERLOADED", fault: "infrastructure", retryable: true } };
        let waits = true;
        const waiting = create().finally(() => {
          waits = false;
        });
        expect(await create()).toMatchObject(overloaded);
        expect(waits).toBe(true);
        expect(await waiting).toMatchObject(overloaded);
        expect(await client.call("session.list")).toEqual({ count: 0, sessions: [] });
      }, stack.urls[0]);
    } finally {
      await stack.stop();
    }
  });

  test("a session waits until a slot is free", async () => {
    const stack = await startStack({ env: { CODEBEAKER_SLOTS: "1" } });
    try {
      await withClient(async (client) => {
        const first = await client.call("session.create", { language: "python" });
        const second = client.call("session.create", { language: "python" });
        await expect
          .poll(
            async () => (await client.call("session.list")).sessions.map(({ state }) => state),
            EVENTUALLY,
          )
          .toContain("Creating");
        expect(await stack.containers()).toHaveLength(1);
        await client.call("session.close", { sessionId: first.sessionId });
        expect(await second).toMatchObject({ state: "Active" });
      }, stack.urls[0]);
    } finally {
      await stack.stop();
    }
  });
});

test("sessions that wait get their places in the order in which they were asked for", async () => {
  const stack = await startStack({ env: { CODEBEAKER_SLOTS: "1" } });
  try {
    await withClient(async (client) => {
      const opened: number[] = [];
      const first = await client.call("session.create", { language: "python" });
      const waiting = [1, 2, 3, 4, 5].map(async (number) => {
        const { sessionId } = await client.call("session.create", { language: "python" });
        opened.push(number);
        await client.call("session.close", { sessionId });
      });
      await client.call("session.close", { sessionId: first.sessionId });
      await Promise.all(waiting);
      expect(opened).toEqual([1, 2, 3, 4, 5]);
    }, stack.urls[0]);
  } finally {
    await stack.stop();
  }
});

describe("a session that is not ready", () => {
  test("takes no command yet, and can be closed, which its creator is told", async () => {
    const stack = await startStack({ workers: 0 });
    try {
      await withClient(async (client) => {
        const creating = failureOf(client.call("session.create", { language: "python" }));
        await expect.poll(async () => (await client.call("session.list")).count, EVENTUALLY).toBe(1);
        const [info] = (await client.call("session.list")).sessions;
        expect(info).toMatchObject({ state: "Creating", containerId: null });
        const sessionId = info?.sessionId ?? "";
        const early = await failureOf(client.call("session.execute", { sessionId, command: sleep }));
        expect(early).toMatchObject({
          data: { code: "SESSION_NOT_READY", fault: "caller", retryable: true },
        });
        expect(await client.call("session.close", { sessionId })).toEqual({ sessionId, closed: true });
        expect(await creating).toMatchObject({ data: { code: "SESSION_CLOSED" } });
        expect(await client.call("session.get", { sessionId })).toMatchObject({ state: "Closed" });
      }, stack.urls[0]);
    } finally {
      await stack.stop();
    }
  });
});

describe("a session that is not there", () => {
  test.each(["session.get", "session.close"] as const)("%s: SESSION_NOT_FOUND", async (method) => {
    await withClient(async (client) => {
      const error = await failureOf(client.call(method, { sessionId: "nobody" }));
      expect(error).toMatchObject({ data: { code: "SESSION_NOT_FOUND", fault: "caller", retryable: false } });
      expect(error.message).toContain("nobody");
    });
  });

  test("session.execute: SESSION_NOT_FOUND, and no record of the command", async () => {
    await withClient(async (client) => {
      const commandId = randomUUID();
      const execute = client.call("session.execute", { sessionId: "nobody", commandId, command: sleep });
      expect(await failureOf(execute)).toMatchObject({ data: { code: "SESSION_NOT_FOUND" } });
      const status = await failureOf(client.call("execution.status", { commandId }));
      expect(status).toMatchObject({ data: { code: "COMMAND_NOT_FOUND" } });
    });
  });

  test("one that was closed: SESSION_CLOSED, and closing it again is no error", async () => {
    await withSession(async ({ client, sessionId }) => {
      await client.call("session.close", { sessionId });
      const error = await failureOf(client.call("session.execute", { sessionId, command: sleep }));
      expect(error).toMatchObject({ data: { code: "SESSION_CLOSED", fault: "caller", retryable: false } });
      expect(error.message).toContain("closed by the client");
      expect(await client.call("session.close", { sessionId })).toEqual({ sessionId, closed: true });
    });
  });
});

describe("close", () => {
  test("cancels what runs and what waits; the container goes; both API nodes agree", async () => {
    await withSession(async ({ client, sessionId, shell, program }) => {
      const running = shell("echo begun; exec sleep 1000", { stream: true });
      await client.until(({ method }) => method === "execution.output");
      const queued = [program(sleep), program(sleep)];

      await client.call("session.close", { sessionId });

      const [first, ...others] = await Promise.all([running, ...queued]);
      expect(first).toMatchObject({
        success: false,
        error: expect.stringMatching(/closed/),
        result: { state: "cancelled", fault: "caller", stdout: "begun\n" },
      });
      for (const other of others) {
        expect(other).toMatchObject({
          success: false,
          error: expect.stringMatching(/closed before/),
          result: { state: "cancelled", fault: "caller", exitCode: null, stdout: "" },
        });
      }
      await expect.poll(() => containersOf(sessionId), EVENTUALLY).toEqual([]);
      for (const node of [0, 1]) {
        await withClient(async (other) => {
          expect(await other.call("session.get", { sessionId })).toMatchObject({
            state: "Closed",
            closeReason: "closed by the client",
          });
          const { sessions } = await other.call("session.list");
          expect(sessions.map((session) => session.sessionId)).not.toContain(sessionId);
        }, sharedUrl(node));
      }
    });
  });

  test("leaves no key without a TTL behind, and none in the lists of the living", async () => {
    const commandIds = [randomUUID(), randomUUID(), randomUUID()];
    await withSession(async ({ client, sessionId, shell, file }) => {
      await shell("echo output", { commandId: commandIds[0] });
      await file({ type: "write_file", path: "a", content: "b" }, { commandId: commandIds[1] });
      const running = shell("echo begun; exec sleep 1000", { commandId: commandIds[2], stream: true });
      await client.until(({ method }) => method === "execution.output");
      await client.call("session.close", { sessionId });
      await running;
      await expect.poll(() => containersOf(sessionId), EVENTUALLY).toEqual([]);

      const left: string[] = [];
      for await (const keys of redis.scanStream({ match: `${inject("prefix")}:*`, count: 1000 })) {
        for (const key of keys) {
          if ([sessionId, ...commandIds].some((id) => key.includes(id))) left.push(key);
        }
      }
      expect(left.length).toBeGreaterThanOrEqual(1 + 2 * 3 - 1);
      for (const key of left) {
        const ttl = await redis.ttl(key);
        expect(ttl, key).toBeGreaterThan(0);
        expect(ttl, key).toBeLessThanOrEqual(3600);
      }
      expect(await redis.zscore(`${inject("prefix")}:sessions:default`, sessionId)).toBeNull();
      for (const worker of await redis.smembers(`${inject("prefix")}:workers`)) {
        expect(await redis.sismember(`${inject("prefix")}:worker:${worker}:sessions`, sessionId)).toBe(0);
        expect(
          JSON.stringify(await redis.xrange(`${inject("prefix")}:worker:${worker}:control`, "-", "+")),
        ).not.toContain(sessionId);
      }
    });
  });

  test("results are there after it", async () => {
    const commandId = randomUUID();
    await withSession(async ({ client, sessionId, shell }) => {
      const answer = await shell("echo kept; exit 3", { commandId });
      await client.call("session.close", { sessionId });
      await expect.poll(() => containersOf(sessionId), EVENTUALLY).toEqual([]);
      expect(await client.call("execution.status", { commandId })).toMatchObject({ ...answer, sessionId });
    });
  });
});

describe("the end of a session's life", () => {
  test("an idle session is closed by itself", async () => {
    await withSession(
      async ({ client, sessionId }) => {
        await expect.poll(() => containersOf(sessionId), EVENTUALLY).toEqual([]);
        const info = await client.call("session.get", { sessionId });
        expect(info).toMatchObject({ state: "Closed", closeReason: "idle" });
      },
      { idleTimeoutMinutes: 0.02 },
    );
  });

  test("one in which a command runs is not idle", async () => {
    await withSession(
      async ({ sessionId, shell }) => {
        const { result } = await shell("sleep 4; echo still here");
        expect(result).toMatchObject({ state: "exited", stdout: "still here\n" });
        await expect.poll(() => containersOf(sessionId), EVENTUALLY).toEqual([]);
      },
      { idleTimeoutMinutes: 0.02 },
    );
  });

  test("at the end of its lifetime it is closed, whatever runs", async () => {
    await withSession(
      async ({ client, sessionId, program }) => {
        expect(await program(sleep)).toMatchObject({
          success: false,
          error: expect.stringContaining("lifetime"),
          result: { state: "cancelled", fault: "caller" },
        });
        await expect.poll(() => containersOf(sessionId), EVENTUALLY).toEqual([]);
        const info = await client.call("session.get", { sessionId });
        expect(info).toMatchObject({ state: "Closed", closeReason: "lifetime" });
        const error = await failureOf(client.call("session.execute", { sessionId, command: sleep }));
        expect(error).toMatchObject({ data: { code: "SESSION_CLOSED" } });
        expect(error.message).toContain("lifetime");
      },
      { maxLifetimeMinutes: 0.05 },
    );
  });
});

describe("Active and Idle", () => {
  test("a minute after its last command a session is Idle, with the next one Active", async () => {
    await withSession(async ({ client, sessionId, shell }) => {
      const state = async () => (await client.call("session.get", { sessionId })).state;
      await shell("true");
      expect(await state()).toBe("Active");
      await age(sessionId, 50);
      expect(await state()).toBe("Active");
      await age(sessionId, 61);
      expect(await state()).toBe("Idle");
      await shell("true");
      expect(await state()).toBe("Active");
    });
  });

  test("while a command runs it is Active, however long ago that began", async () => {
    await withSession(async ({ client, sessionId, shell }) => {
      const running = shell("sleep 1000", { stream: true });
      await client.until(({ method }) => method === "execution.started");
      await age(sessionId, 600);
      expect(await client.call("session.get", { sessionId })).toMatchObject({ state: "Active" });
      await client.call("session.close", { sessionId });
      await running;
    });
  });
});

describe("between commands", () => {
  test("files and processes live on", async () => {
    await withSession(async ({ shell }) => {
      const { result } = await shell("echo kept > file; sleep 1000 > /dev/null 2>&1 & echo $!");
      const { result: later } = await shell(`cat file; kill -0 ${result.stdout.trim()} && echo lives`);
      expect(later.stdout).toBe("kept\nlives\n");
    });
  });

  test("one session sees nothing of another", async () => {
    await withSession(async (one) => {
      await withSession(async (other) => {
        await one.shell("echo secret > /workspace/file; echo secret > /tmp/file");
        const { result } = await other.shell("cat /workspace/file /tmp/file");
        expect(result).toMatchObject({ exitCode: 1, stdout: "" });
      });
    });
  });
});
