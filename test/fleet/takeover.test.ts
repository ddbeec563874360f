import { describe, expect, test } from "vitest";
import { ProgramResult } from "../../src/shared/protocol/executions.ts";
import type { Client } from "../support/client.ts";
import { counted, counting, sequence, untilLine } from "../support/counting.ts";
import { startProcess } from "../support/process.ts";
import { startRedisProxy } from "../support/redis-proxy.ts";
import { streamed } from "../support/session.ts";
import { REDIS_URL, startWorker, withStack } from "../support/stack.ts";
import { verdictOf } from "../support/verdict.ts";

const LINES = 24;

/** A session in which `counting` runs, and three commands wait behind it that each write their number. */
async function startWork(connection: Client) {
  const { sessionId } = await connection.call("session.create", { language: "python" });
  const execute = (commandId: string, command: object, stream = false) =>
    connection.call("session.execute", { sessionId, commandId, command: { ...command }, stream });
  const running = execute("counting", counting(LINES, 1), true);
  const queued = [1, 2, 3].map((number) =>
    execute(`queued-${number}`, {
      type: "execute_shell",
      commandName: "bash",
      args: ["-c", `echo ${number} >> order; cat order`],
    }),
  );
  await untilLine(connection, "counting", 2);
  return { connection, sessionId, running, queued };
}

type Work = Awaited<ReturnType<typeof startWork>>;

/** Every line once and in order, the true exit code, and the queued commands in their order, each run once. */
async function expectNothingLost({ connection, running, queued }: Work): Promise<void> {
  const answer = await running;
  const result = ProgramResult.parse(answer.result);
  expect(verdictOf({ ...answer, result })).toEqual({
    success: true,
    state: "exited",
    fault: "program",
    limit: undefined,
    exitCode: 7,
    signal: undefined,
    oomKills: 0,
    error: null,
  });
  expect(result.stdout).toBe(counted(LINES));
  expect(streamed(connection.notifications, "counting").toString()).toBe(counted(LINES));
  expect(sequence(connection, "counting")).toEqual(Array.from({ length: LINES }, (_, index) => index + 1));
  expect(connection.notifications.map(({ method }) => method)).not.toContain("execution.gap");
  const outputs = (await Promise.all(queued)).map(({ result }) => ProgramResult.parse(result).stdout);
  expect(outputs).toEqual(["1\n", "1\n2\n", "1\n2\n3\n"]);
}

describe("a worker that dies or is replaced loses and doubles nothing", () => {
  test.concurrent("kill -9 in the middle of a command, and the worker started again", () =>
    withStack({}, async (stack, client) => {
      const work = await startWork(client);
      await stack.workers[0]?.kill();
      stack.workers.push(startProcess("worker", stack.env));
      await expectNothingLost(work);
    }));

  test.concurrent("SIGTERM gives running commands time, and the successor goes on with the session", () =>
    withStack({}, async (stack, client) => {
      const work = await startWork(client);
      stack.workers.push(startProcess("worker", stack.env));
      expect(await stack.workers[0]?.stop()).toBe(0);
      await expectNothingLost(work);
    }));

  test.concurrent("a reply of Redis is lost on its way after the output was stored", async () => {
    const proxy = await startRedisProxy(REDIS_URL);
    await withStack({ workers: 0 }, async (stack, client) => {
      stack.workers.push(await startWorker({ ...stack.env, REDIS_URL: proxy.url }));
      const work = await startWork(client);
      // The request that stores a line, then that which stores the end.
      await proxy.loseReplyTo("\r\n8\n\r\n");
      await proxy.loseReplyTo('"state":"exited"');
      await expectNothingLost(work);
    });
    proxy.close();
  });

  test.concurrent("the worker is stopped by SIGSTOP, a standby takes over, and the old one wakes up", () =>
    withStack({}, async (stack, client) => {
      const work = await startWork(client);
      const [old] = stack.workers;
      const standby = startProcess("worker", stack.env);
      stack.workers.push(standby);
      await standby.logged(/^standby/);

      old?.child.kill("SIGSTOP");
      await standby.logged(/session adopted/);
      old?.child.kill("SIGCONT");
      await old?.logged(/back to standby/);

      await expectNothingLost(work);
      expect(await stack.containers()).toHaveLength(1);
    }));

  test.concurrent("a background command, its input and a foreground command survive kill -9 together", () =>
    withStack({}, async (stack, client) => {
      const { sessionId } = await client.call("session.create", { language: "python" });
      const echo = "import sys\nfor line in sys.stdin: print('got', line.strip(), flush=True)";
      await client.call("session.execute", {
        sessionId,
        commandId: "echo",
        background: true,
        stream: true,
        command: { type: "execute_shell", commandName: "python3", args: ["-c", echo], keepStdinOpen: true },
      });
      const got = (text: string) =>
        client.until(
          ({ method }) =>
            method === "execution.output" && streamed(client.notifications, "echo").includes(`got ${text}\n`),
        );
      await client.call("execution.input", { commandId: "echo", data: "before\n" });
      await got("before");
      const foreground = client.call("session.execute", {
        sessionId,
        commandId: "front",
        command: counting(3, 1),
        stream: true,
      });
      await untilLine(client, "front", 0);
      await stack.workers[0]?.kill();
      // Nobody is there to bring it: it waits in the worker's stream.
      await client.call("execution.input", { commandId: "echo", data: "during\n" });
      stack.workers.push(startProcess("worker", stack.env));
      expect(ProgramResult.parse((await foreground).result)).toMatchObject({
        exitCode: 7,
        stdout: counted(3),
      });
      await client.call("execution.input", { commandId: "echo", data: "after\n", eof: true });
      await client.until(({ method, params }) => method === "execution.ended" && params.commandId === "echo");
      expect(streamed(client.notifications, "echo").toString()).toBe("got before\ngot during\ngot after\n");
    }));
});
