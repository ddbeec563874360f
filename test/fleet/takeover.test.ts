import { afterEach, describe, expect, test } from "vitest";
import { ProgramResult } from "../../src/shared/protocol/executions.ts";
import { type Client, connect } from "../support/client.ts";
import { counted, counting, sequence, untilLine } from "../support/counting.ts";
import { startProcess } from "../support/process.ts";
import { type RedisProxy, startRedisProxy } from "../support/redis-proxy.ts";
import { streamed } from "../support/session.ts";
import { REDIS_URL, type Stack, startStack, startWorker } from "../support/stack.ts";

const LINES = 24;

let stack: Stack | undefined;
let proxy: RedisProxy | undefined;
let client: Client | undefined;

afterEach(async () => {
  await client?.close();
  await stack?.stop();
  proxy?.close();
  stack = undefined;
  proxy = undefined;
  client = undefined;
});

/** A session in which `counting` runs, and three commands wait behind it that each write their number. */
async function startWork(url: string) {
  const connection = await connect(url);
  client = connection;
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
  expect(answer.success).toBe(true);
  expect(ProgramResult.parse(answer.result)).toMatchObject({
    state: "exited",
    fault: "program",
    exitCode: 7,
    stdout: counted(LINES),
  });
  expect(streamed(connection.notifications, "counting").toString()).toBe(counted(LINES));
  expect(sequence(connection, "counting")).toEqual(Array.from({ length: LINES }, (_, index) => index + 1));
  expect(connection.notifications.map(({ method }) => method)).not.toContain("execution.gap");
  const outputs = (await Promise.all(queued)).map(({ result }) => ProgramResult.parse(result).stdout);
  expect(outputs).toEqual(["1\n", "1\n2\n", "1\n2\n3\n"]);
}

describe("a worker that dies or is replaced loses and doubles nothing", () => {
  test("kill -9 in the middle of a command, and the worker started again", async () => {
    stack = await startStack();
    const work = await startWork(stack.urls[0] ?? "");
    await stack.workers[0]?.kill();
    stack.workers.push(startProcess("worker", stack.env));
    await expectNothingLost(work);
  });

  test("SIGTERM gives running commands time, and the successor goes on with the session", async () => {
    stack = await startStack();
    const work = await startWork(stack.urls[0] ?? "");
    stack.workers.push(startProcess("worker", stack.env));
    expect(await stack.workers[0]?.stop()).toBe(0);
    await expectNothingLost(work);
  });

  test("a reply of Redis is lost on its way after the output was stored", async () => {
    proxy = await startRedisProxy(REDIS_URL);
    stack = await startStack({ workers: 0 });
    stack.workers.push(await startWorker({ ...stack.env, REDIS_URL: proxy.url }));
    const work = await startWork(stack.urls[0] ?? "");
    // The request that stores a line, that which stores the end, and that which takes the next command.
    await proxy.loseReplyTo("\r\n8\n\r\n");
    await proxy.loseReplyTo('"state":"exited"');
    await expectNothingLost(work);
  });

  test("the worker is stopped by SIGSTOP, a standby takes over, and the old one wakes up", async () => {
    stack = await startStack();
    const work = await startWork(stack.urls[0] ?? "");
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
  });
});
