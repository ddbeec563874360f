import { describe, expect, test } from "vitest";
import { ProgramResult } from "../../src/shared/protocol/executions.ts";
import { type Client, connect, failureOf } from "../support/client.ts";
import { counted, counting, expectCounted, untilLine } from "../support/counting.ts";
import { EVENTUALLY } from "../support/engine.ts";
import { type SecondEngine, startSecondEngine, whyNoSecondEngine } from "../support/second-engine.ts";
import { streamed } from "../support/session.ts";
import { type Stack, withStack } from "../support/stack.ts";
import { LOST, NEVER_STARTED, verdictOf } from "../support/verdict.ts";

const TEST_DEADLINE_MS = 300_000;
const LINES = 30;
const missing = whyNoSecondEngine();
if (missing) console.warn(`tests with a second Docker Engine are left out: ${missing}`);

/** Runs `use` with an engine of its own and an installation on it. No two engines of a host may share uids. */
async function withEngine(
  {
    uidBase,
    liveRestore = false,
    env = {},
  }: { uidBase: number; liveRestore?: boolean; env?: Record<string, string> },
  use: (engine: SecondEngine, stack: Stack, client: Client) => Promise<void>,
): Promise<void> {
  const engine = await startSecondEngine({ liveRestore });
  try {
    const settings = { DOCKER_HOST: engine.host, CODEBEAKER_UID_BASE: String(uidBase), ...env };
    await withStack({ env: settings }, (stack, client) => use(engine, stack, client));
  } finally {
    await engine.close();
  }
}

/** A session in which a program prints a line every 0.2 s, and a command that waits behind it. */
async function startWork(client: Client) {
  const { sessionId } = await client.call("session.create", { language: "python" });
  const execute = (commandId: string, command: object, stream = false) =>
    client.call("session.execute", { sessionId, commandId, command: { ...command }, stream });
  const running = execute("running", counting(LINES, 0.2), true);
  const queued = execute("queued", { type: "execute_shell", commandName: "echo", args: ["ran"] });
  await untilLine(client, "running", 2);
  return { sessionId, running, queued };
}

type Work = Awaited<ReturnType<typeof startWork>>;

/** Nobody saw the end: both clients are told so, and what came before can be read on any connection. */
async function expectLost(client: Client, url: string, { sessionId, running, queued }: Work): Promise<void> {
  const [ran, waited] = [await running, await queued];
  expect(verdictOf({ ...ran, result: ProgramResult.parse(ran.result) })).toEqual(LOST);
  expect(verdictOf({ ...waited, result: ProgramResult.parse(waited.result) })).toEqual(NEVER_STARTED);
  expect(await client.call("session.get", { sessionId })).toMatchObject({ state: "Lost" });

  const live = streamed(client.notifications, "running").toString();
  expect(counted(LINES).startsWith(live)).toBe(true);
  const later = await connect(url);
  await later.call("execution.attach", { commandId: "running" });
  await later.until(({ method }) => method === "execution.ended");
  expect(streamed(later.notifications, "running").toString()).toBe(live);
  await later.close();
}

/** Every line once, in order, and the program's own end. */
async function expectWhole(client: Client, { running, queued }: Work): Promise<void> {
  expectCounted(client, "running", await running, LINES);
  expect(ProgramResult.parse((await queued).result)).toMatchObject({ state: "exited", stdout: "ran\n" });
}

/** The worker process serves a new session, without a restart by hand. */
async function expectServing(client: Client): Promise<void> {
  const { sessionId } = await client.call("session.create", { language: "python" });
  const answer = await client.call("session.execute", {
    sessionId,
    command: { type: "execute_shell", commandName: "echo", args: ["again"] },
  });
  expect(answer).toMatchObject({ success: true, result: { state: "exited", stdout: "again\n" } });
  await client.call("session.close", { sessionId });
}

async function health(url: string): Promise<{ status: number; text: string }> {
  const response = await fetch(new URL("/health", url.replace(/^ws/, "http")));
  return { status: response.status, text: await response.text() };
}

describe.skipIf(missing)("a Docker Engine that dies", { timeout: TEST_DEADLINE_MS }, () => {
  test.concurrent("with its containers, and comes back: commands end truthfully, new work is served", ({
    expect,
  }) =>
    withEngine({ uidBase: 300_000 }, async (engine, stack, client) => {
      const [url = ""] = stack.urls;
      const work = await startWork(client);
      await engine.killAll();

      await expect.poll(async () => (await health(url)).status, EVENTUALLY).toBe(503);
      expect((await health(url)).text).toMatch(/Docker Engine/);
      // Not yet known to be lost: what nobody can look at is not given a verdict.
      expect(await client.call("execution.status", { commandId: "running" })).toMatchObject({
        state: "running",
      });
      // Waits for the engine, and is not refused.
      const run = client.call("execution.run", { language: "python", code: "print('waited')" });

      await engine.restart();
      await expectLost(client, url, work);
      expect(await run).toMatchObject({ success: true, result: { stdout: "waited\n" } });
      await expectServing(client);
      expect((await health(url)).status).toBe(200);
    }));

  test.concurrent("and stays away: after a time it counts as gone, and who wants a session is told to try again", ({
    expect,
  }) =>
    withEngine(
      { uidBase: 310_000, env: { CODEBEAKER_ENGINE_GONE_SECONDS: "3" } },
      async (engine, stack, client) => {
        const [url = ""] = stack.urls;
        const work = await startWork(client);
        await engine.killAll();
        await expect.poll(async () => (await health(url)).status, EVENTUALLY).toBe(503);
        const refused = failureOf(client.call("session.create", { language: "python" }));
        await expectLost(client, url, work);
        expect((await refused).data).toMatchObject({ fault: "infrastructure", retryable: true });

        await engine.restart();
        await expectServing(client);
      },
    ));

  test.concurrent.for([
    { liveRestore: false, uidBase: 320_000 },
    { liveRestore: true, uidBase: 330_000 },
  ])(
    "alone, without its containers (live-restore: $liveRestore): the whole truth or lost, and nothing twice",
    (given) =>
      withEngine(given, async (engine, stack, client) => {
        const work = await startWork(client);
        await engine.killDaemon();
        await engine.restart();
        // Which of both depends on the engine: 20.10 ends containers that are removed by themselves, in either setting.
        const { state } = ProgramResult.parse((await work.running).result);
        if (state === "exited") await expectWhole(client, work);
        else await expectLost(client, stack.urls[0] ?? "", work);
        await expectServing(client);
      }),
  );
});
