import { test } from "vitest";
import { ProgramResult } from "../../src/shared/protocol/executions.ts";
import { counting, expectCounted, untilLine } from "../support/counting.ts";
import { EVENTUALLY } from "../support/engine.ts";
import { startEngineProxy } from "../support/engine-proxy.ts";
import { startProcess } from "../support/process.ts";
import { ENGINE_HOST, withStack } from "../support/stack.ts";

const LINES = 60;

test.concurrent("a worker that is started before its engine waits for it, and says so", async ({
  expect,
}) => {
  const proxy = await startEngineProxy(ENGINE_HOST);
  try {
    await withStack({ workers: 0 }, async (stack, client) => {
      proxy.takeAway("cut");
      const worker = startProcess("worker", { ...stack.env, DOCKER_HOST: proxy.host });
      stack.workers.push(worker);
      await worker.logged(/does not answer; waiting for it/);
      const created = client.call("session.create", { language: "python" });
      proxy.giveBack();
      expect(await created).toMatchObject({ state: "Active" });
    });
  } finally {
    await proxy.close();
  }
});

test.concurrent.for(["cut", "silent"] as const)(
  "an engine that is %s for a while, its containers alive: the worker connects again, every line comes once",
  async (how, { expect }) => {
    const proxy = await startEngineProxy(ENGINE_HOST);
    try {
      await withStack({ env: { DOCKER_HOST: proxy.host } }, async (stack, client) => {
        const { sessionId, containerId } = await client.call("session.create", { language: "python" });
        const execute = (commandId: string, command: object) =>
          client.call("session.execute", { sessionId, commandId, command: { ...command }, stream: true });
        const running = execute("running", counting(LINES, 0.5));
        const queued = execute("queued", { type: "execute_shell", commandName: "echo", args: ["ran"] });
        await untilLine(client, "running", 2);

        proxy.takeAway(how);
        // The worker has noticed, and says so to whoever asks.
        await expect
          .poll(
            async () =>
              (await stack.redis.hgetall(`${stack.prefix}:worker:${await onlyWorker()}`)).engineState,
            EVENTUALLY,
          )
          .toBe("away");
        const created = client.call("session.create", { language: "python" });
        proxy.giveBack();

        const answer = await running;
        expect(answer.success).toBe(true);
        expectCounted(client, "running", answer, LINES);
        expect(ProgramResult.parse((await queued).result)).toMatchObject({
          state: "exited",
          stdout: "ran\n",
        });
        expect(await created).toMatchObject({ state: "Active" });
        expect(await client.call("session.get", { sessionId })).toMatchObject({
          containerId,
          state: "Active",
        });

        async function onlyWorker(): Promise<string> {
          const [workerId = ""] = await stack.redis.smembers(`${stack.prefix}:workers`);
          return workerId;
        }
      });
    } finally {
      await proxy.close();
    }
  },
);
