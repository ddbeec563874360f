import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { ProgramResult } from "../../src/shared/protocol/executions.ts";
import { failureOf } from "../support/client.ts";
import { EVENTUALLY } from "../support/engine.ts";
import { startRedisServer } from "../support/redis-server.ts";
import { streamed } from "../support/session.ts";
import { withStack } from "../support/stack.ts";

const LINES = 40_000;
const PROGRAM = `
import sys
input()
for n in range(${LINES}): print(f"line {n:>20}")
sys.exit(7)
`;
/** Its output is refused before it ends. */
const SHORT = `
import time
input()
print("bye", flush=True)
time.sleep(1)
`;
const OUTPUT = Array.from({ length: LINES }, (_, n) => `line ${String(n).padStart(20)}\n`).join("");

test("a Redis that fills up: new work is refused, output waits and is not lost, what ends is told", async () => {
  const server = await startRedisServer();
  const admin = new Redis(server.url);
  // Beside it, what Redis uses for connections does not count.
  await admin.set("ballast", Buffer.alloc(64 << 20));
  /** Sets the limit so that what is held is this share of it. */
  const fill = async (share: number) => {
    const used = Number(/^used_memory:(\d+)/m.exec(await admin.info("memory"))?.[1]);
    await admin.config("SET", "maxmemory", Math.floor(used / share));
  };
  try {
    await withStack({ env: { REDIS_URL: server.url } }, async (stack, client) => {
      const { sessionId } = await client.call("session.create", { language: "python" });
      const execute = (commandId: string, command: object, delivery: object = {}) =>
        client.call("session.execute", { sessionId, commandId, command: { ...command }, ...delivery });
      const echo = { type: "execute_shell", commandName: "echo", args: ["done"] };
      await execute("before", echo);
      const waiting = (code: string) => ({
        type: "execute_shell",
        commandName: "python3",
        args: ["-c", code],
        keepStdinOpen: true,
      });
      await execute("short", waiting(SHORT), { background: true });
      const running = execute("running", waiting(PROGRAM), { stream: true });

      await fill(0.85);
      // Each node looks every 5 s.
      await stack.apis[0]?.logged(/nearly full/);
      expect((await failureOf(execute("late", echo))).data).toMatchObject({
        code: "OVERLOADED",
        retryable: true,
      });
      const refused = await failureOf(client.call("session.create", { language: "python" }));
      expect(refused.data).toMatchObject({ code: "OVERLOADED", retryable: true });
      expect(refused.message).toMatch(/maxmemory/);
      // What was accepted before is answered.
      expect(await execute("before", echo)).toMatchObject({ success: true, result: { stdout: "done\n" } });

      await fill(1.05);
      await stack.workers[0]?.logged(/output waits/);
      await client.call("execution.input", { commandId: "running", data: "go\n", eof: true });
      await client.call("execution.input", { commandId: "short", data: "go\n", eof: true });
      // An end, with the output that its program left, is stored whatever the room.
      await expect
        .poll(() => client.call("execution.status", { commandId: "short" }), EVENTUALLY)
        .toMatchObject({ state: "exited", fault: "none", result: { stdout: "bye\n" } });
      expect(await client.call("execution.status", { commandId: "running" })).toMatchObject({
        state: "running",
      });
      expect(streamed(client.notifications, "running").toString()).toBe("");

      await admin.config("SET", "maxmemory", 0);
      const { result } = await running;
      expect(ProgramResult.parse(result)).toMatchObject({ state: "exited", exitCode: 7 });
      expect(streamed(client.notifications, "running").toString()).toBe(OUTPUT);
      await stack.apis[0]?.logged(/has room again/);
      expect(await execute("after", echo)).toMatchObject({ success: true });
    });
  } finally {
    admin.disconnect();
    await server.close();
  }
});
