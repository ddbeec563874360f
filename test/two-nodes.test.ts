import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ProgramResult } from "../src/shared/protocol/executions.ts";
import { type Client, connect } from "./support/client.ts";
import { counted, counting, sequence, untilLine } from "./support/counting.ts";
import { sharedUrl, streamed, withSession } from "./support/session.ts";

/** A session made through the first API node, and a connection to the second. */
async function withBothNodes(
  use: (first: Client, second: Client, sessionId: string) => Promise<void>,
): Promise<void> {
  await withSession(
    async ({ client, sessionId }) => {
      const second = await connect(sharedUrl(1));
      try {
        await use(client, second, sessionId);
      } finally {
        await second.close();
      }
    },
    {},
    sharedUrl(0),
  );
}

describe("any API node serves any session", () => {
  test("made through one, used through the other", async () => {
    await withBothNodes(async (first, second, sessionId) => {
      const write = { type: "write_file", path: "from", content: "the second node" };
      expect(await second.call("session.execute", { sessionId, command: write })).toMatchObject({
        success: true,
      });
      const read = await first.call("session.execute", {
        sessionId,
        command: { type: "read_file", path: "from" },
      });
      expect(read.result).toMatchObject({ content: "the second node" });
      for (const node of [first, second]) {
        expect(await node.call("session.get", { sessionId })).toMatchObject({ sessionId, executionCount: 2 });
      }
    });
  });

  test("output streams through the node that asked, and through no other", async () => {
    await withBothNodes(async (first, second, sessionId) => {
      const commandId = randomUUID();
      const answer = await second.call("session.execute", {
        sessionId,
        commandId,
        command: counting(5, 0.05),
        stream: true,
      });
      expect(ProgramResult.parse(answer.result)).toMatchObject({ exitCode: 7, stdout: counted(5) });
      expect(streamed(second.notifications, commandId).toString()).toBe(counted(5));
      expect(sequence(second, commandId)).toEqual([1, 2, 3, 4, 5]);
      expect(first.notifications).toEqual([]);
    });
  });

  test("the status of a command, running or ended, is the same from either", async () => {
    await withBothNodes(async (first, second, sessionId) => {
      const commandId = randomUUID();
      const running = first.call("session.execute", {
        sessionId,
        commandId,
        command: {
          type: "execute_shell",
          commandName: "bash",
          args: ["-c", "for i in 0 1 2; do echo $i; done; exec sleep 1000"],
        },
        stream: true,
      });
      await untilLine(first, commandId, 2);
      const status = await second.call("execution.status", { commandId });
      expect(status).toMatchObject({ sessionId, commandId, state: "running" });
      expect(status).not.toHaveProperty("result");
      expect(status).toEqual(await first.call("execution.status", { commandId }));

      await second.call("session.close", { sessionId });
      const answer = await running;
      for (const node of [first, second]) {
        const ended = await node.call("execution.status", { commandId });
        expect(ended).toMatchObject({ ...answer, sessionId, state: "cancelled", fault: "caller" });
      }
    });
  });

  test("the same commandId sent to both runs once, and both are answered", async () => {
    await withBothNodes(async (first, second, sessionId) => {
      const params = {
        sessionId,
        commandId: randomUUID(),
        command: { type: "shell", command: "bash", args: ["-c", "echo once >> runs; sleep 0.3; cat runs"] },
      };
      const answers = await Promise.all([
        first.call("session.execute", params),
        second.call("session.execute", params),
      ]);
      expect(answers[0].result).toMatchObject({ exitCode: 0, stdout: "once\n" });
      expect(answers[1]).toEqual(answers[0]);
    });
  });

  test("closed through the one, closed for the other", async () => {
    await withBothNodes(async (first, second, sessionId) => {
      await second.call("session.close", { sessionId });
      const command = { type: "execute_shell", commandName: "true" };
      await expect(first.call("session.execute", { sessionId, command })).rejects.toMatchObject({
        error: { data: { code: "SESSION_CLOSED" } },
      });
    });
  });
});
