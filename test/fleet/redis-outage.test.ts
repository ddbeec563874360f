import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { ProgramResult } from "../../src/shared/protocol/executions.ts";
import { counting, expectCounted, untilLine } from "../support/counting.ts";
import { startRedisServer } from "../support/redis-server.ts";
import { withStack } from "../support/stack.ts";

const OUTAGE_MS = 45_000;
const TEST_DEADLINE_MS = 300_000;

test.concurrent.for(["stopped", "killed"] as const)(
  "Redis %s for 45 s under load: no session is lost, and all work goes on",
  { timeout: TEST_DEADLINE_MS },
  async (how) => {
    const server = await startRedisServer();
    try {
      await withStack({ env: { REDIS_URL: server.url } }, async (_stack, client) => {
        const { sessionId } = await client.call("session.create", { language: "python" });
        const running = client.call("session.execute", {
          sessionId,
          commandId: "through",
          command: counting(55, 1),
          stream: true,
        });
        const queued = client.call("session.execute", {
          sessionId,
          commandId: "behind",
          command: { type: "execute_shell", commandName: "echo", args: ["behind"] },
        });
        await untilLine(client, "through", 3);
        // Everything so far is on disk after a second (appendfsync everysec).
        await untilLine(client, "through", 5);
        if (how === "killed") await server.kill();
        else server.pause();
        await sleep(OUTAGE_MS);
        if (how === "killed") await server.restart();
        else server.resume();

        expectCounted(client, "through", await running, 55);
        expect(ProgramResult.parse((await queued).result)).toMatchObject({
          state: "exited",
          stdout: "behind\n",
        });
        expect(await client.call("session.get", { sessionId })).toMatchObject({ state: "Active" });
      });
    } finally {
      await server.close();
    }
  },
);
