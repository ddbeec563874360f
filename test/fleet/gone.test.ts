import { expect, test } from "vitest";
import { ExecutionStatusResult, ProgramResult } from "../../src/shared/protocol/executions.ts";
import { type Client, connect, failureOf } from "../support/client.ts";
import { counted, counting, untilLine } from "../support/counting.ts";
import { streamed } from "../support/session.ts";
import { type Stack, startApi, withStack } from "../support/stack.ts";
import { LOST, NEVER_STARTED, verdictOf } from "../support/verdict.ts";

/** A session with a command that runs and two that wait behind it, and what each is answered with. */
async function startWork(client: Client) {
  const { sessionId, containerId } = await client.call("session.create", { language: "python" });
  const execute = (commandId: string, command: object, stream = false) =>
    client.call("session.execute", { sessionId, commandId, command: { ...command }, stream });
  const running = execute(`${sessionId}-running`, counting(1000, 0.1), true);
  const queued = ["a", "b"].map((name) =>
    execute(`${sessionId}-${name}`, { type: "execute_shell", commandName: "touch", args: [name] }),
  );
  await untilLine(client, `${sessionId}-running`, 2);
  return { sessionId, containerId, running, queued };
}

/** Nobody saw the end of what ran; what waited never ran. No answer says success, each says whose doing it was. */
async function expectLost(client: Client, work: Awaited<ReturnType<typeof startWork>>): Promise<void> {
  const ran = await work.running;
  expect(verdictOf({ ...ran, result: ProgramResult.parse(ran.result) })).toEqual(LOST);
  expect(ProgramResult.parse(ran.result).stdout).toMatch(/^0\n1\n2\n/);
  for (const answer of await Promise.all(work.queued)) {
    expect(verdictOf({ ...answer, result: ProgramResult.parse(answer.result) })).toEqual(NEVER_STARTED);
  }
  expect(await client.call("session.get", { sessionId: work.sessionId })).toMatchObject({ state: "Lost" });
  const refused = await failureOf(
    client.call("session.execute", {
      sessionId: work.sessionId,
      command: { type: "execute_shell", commandName: "true" },
    }),
  );
  expect(refused.data).toMatchObject({ code: "SESSION_LOST", fault: "infrastructure" });
}

/** Keys that would stay for ever, less those of the installation itself. */
async function keysWithoutTtl({ redis, prefix }: Stack): Promise<string[]> {
  const found: string[] = [];
  for await (const keys of redis.scanStream({ match: `${prefix}:*`, count: 1000 })) {
    for (const key of keys) if ((await redis.ttl(key)) === -1) found.push(key.slice(prefix.length + 1));
  }
  const installation = /^(deployment|workers|sessions:default|q:create:.*)$/;
  return found.filter((key) => !installation.test(key));
}

test.concurrent("a container that is killed from outside: its session is Lost, and said to be so at once", () =>
  withStack({}, async (stack, client) => {
    const work = await startWork(client);
    await stack.docker.getContainer(work.containerId).kill();
    await expectLost(client, work);
    // The worker itself is well.
    const other = await client.call("session.create", { language: "python" });
    expect(other.state).toBe("Active");
  }));

test.concurrent("a worker that is gone for good: within a minute all its clients are told, and nothing of it stays", ({
  expect,
}) =>
  withStack({ apis: 2 }, async (stack, client) => {
    const work = await startWork(client);
    await stack.workers[0]?.kill();
    await expectLost(client, work);
    await expect.poll(() => keysWithoutTtl(stack), { timeout: 60_000, interval: 500 }).toEqual([]);
  }));

test.concurrent("a result outlives its session, worker, container and API node", () =>
  withStack({}, async (stack, client) => {
    const { sessionId } = await client.call("session.create", { language: "python" });
    const answer = await client.call("session.execute", {
      sessionId,
      commandId: "kept",
      command: counting(50, 0.01),
    });
    await client.call("session.close", { sessionId });
    await stack.workers[0]?.kill();
    for (const { id } of await stack.containers()) {
      await stack.docker
        .getContainer(id)
        .remove({ force: true })
        .catch(() => {});
    }
    await stack.apis[0]?.kill();
    const { api, url } = await startApi(stack.env);
    stack.apis.push(api);

    const later = await connect(url);
    const { success, result, error, durationMs } = ExecutionStatusResult.parse(
      await later.call("execution.status", { commandId: "kept" }),
    );
    expect({ success, result, error, durationMs }).toEqual(answer);
    await later.call("execution.attach", { commandId: "kept" });
    await later.until(({ method }) => method === "execution.ended");
    expect(streamed(later.notifications, "kept").toString()).toBe(counted(50));
    await later.close();
  }));
