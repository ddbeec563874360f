import { test } from "vitest";
import { ProgramResult } from "../../src/shared/protocol/executions.ts";
import { counted, counting, sequence, untilLine } from "../support/counting.ts";
import { EVENTUALLY } from "../support/engine.ts";
import { startEngineProxy } from "../support/engine-proxy.ts";
import { streamed } from "../support/session.ts";
import { ENGINE_HOST, withStack } from "../support/stack.ts";

const LINES = 60;

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
        expect(ProgramResult.parse(answer.result)).toMatchObject({
          state: "exited",
          fault: "program",
          exitCode: 7,
          stdout: counted(LINES),
        });
        expect(streamed(client.notifications, "running").toString()).toBe(counted(LINES));
        const seqs = sequence(client, "running");
        expect(seqs).toEqual(Array.from(seqs, (_, index) => index + 1));
        expect(client.notifications.map(({ method }) => method)).not.toContain("execution.gap");
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
