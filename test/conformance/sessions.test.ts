import { expect, test } from "vitest";
import { errorOf } from "./support/client.ts";
import { at, listAt, textAt } from "./support/json.ts";
import { newId, openSession, sharedClient } from "./support/session.ts";

const client = sharedClient();

test("a session is created, seen, and closed; afterwards it takes no commands", async () => {
  const created = await client().call("session.create", {
    language: "python",
    idleTimeoutMinutes: 5,
    maxLifetimeMinutes: 10,
    memoryLimitMB: 128,
  });
  expect(created).toMatchObject({
    sessionId: expect.any(String),
    containerId: expect.any(String),
    language: "python",
    createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    state: "Active",
    config: { idleTimeoutMinutes: 5, maxLifetimeMinutes: 10 },
  });
  const sessionId = textAt(created, "sessionId");

  const info = {
    sessionId,
    containerId: at(created, "containerId"),
    language: "python",
    state: "Active",
    executionCount: 0,
    idleMinutes: expect.any(Number),
    lifetimeMinutes: expect.any(Number),
  };
  expect(await client().call("session.get", { sessionId })).toMatchObject(info);
  const list = await client().call("session.list", {});
  expect(listAt(list, "sessions")).toHaveLength(Number(at(list, "count")));
  expect(listAt(list, "sessions")).toContainEqual(expect.objectContaining({ sessionId }));

  expect(await client().call("session.close", { sessionId })).toEqual({ sessionId, closed: true });
  expect(await client().call("session.close", { sessionId })).toEqual({ sessionId, closed: true });
  expect(textAt(await client().call("session.get", { sessionId }), "state")).toMatch(/^(Closing|Closed)$/);
  const command = { type: "execute_shell", commandName: "true" };
  expect(await errorOf(client().call("session.execute", { sessionId, command }))).toMatchObject({
    code: -32003,
    data: { code: "SESSION_CLOSED", fault: "caller", retryable: false },
  });
});

test("what is left out has its documented default", async () => {
  const session = await openSession();
  const created = await client().call("session.get", { sessionId: session.sessionId });
  expect(created).toMatchObject({ language: "python" });
  await client().call("session.close", { sessionId: session.sessionId });
  await session.client.close();
});

test("an unknown language is refused, and those there are named", async () => {
  const error = await errorOf(client().call("session.create", { language: "cobol" }));
  expect(error).toMatchObject({ code: -32602, data: { code: "INVALID_PARAMS" } });
  expect(textAt(error, "message")).toContain("python");
});

test.each([
  ["memoryLimitMB", 1],
  ["memoryLimitMB", "512"],
  ["idleTimeoutMinutes", 0],
  ["maxLifetimeMinutes", 1e9],
  ["cpus", -1],
])("%s %j is refused", async (field, value) => {
  const error = await errorOf(client().call("session.create", { language: "python", [field]: value }));
  expect(error).toMatchObject({ code: -32602, data: { issues: [{ path: field }] } });
});

test("an idempotencyKey makes one session; with other content it is a conflict", async () => {
  const idempotencyKey = newId("key");
  const create = (more: object = {}) =>
    client().call("session.create", { language: "python", idempotencyKey, ...more });
  const [one, two] = await Promise.all([create(), create()]);
  expect(two).toEqual(one);
  expect(await errorOf(create({ memoryLimitMB: 200 }))).toMatchObject({
    code: -32011,
    data: { code: "IDEMPOTENCY_CONFLICT", fault: "caller" },
  });
  await client().call("session.close", { sessionId: textAt(one, "sessionId") });
});

test("session.attach tells of commands and of the end; session.detach ends that", async () => {
  const session = await openSession();
  const { sessionId } = session;
  expect(await client().call("session.attach", { sessionId })).toMatchObject({ sessionId, state: "Active" });
  const commandId = newId();
  await session.shell("echo seen", { commandId });
  const of = (wanted: string) =>
    client().until((method, about) => method === wanted && about.commandId === commandId);
  expect(await of("execution.started")).toMatchObject({ params: { sessionId, commandId } });
  expect(await of("execution.output")).toMatchObject({
    params: { seq: 1, stream: "stdout", data: "seen\n" },
  });
  expect(await of("execution.ended")).toMatchObject({ params: { state: "exited", fault: "none" } });

  expect(await client().call("session.detach", { sessionId })).toEqual({ sessionId, detached: true });
  expect(await client().call("session.detach", { sessionId })).toEqual({ sessionId, detached: false });

  await client().call("session.attach", { sessionId });
  await session.client.call("session.close", { sessionId });
  await client().until(
    (method, about) =>
      method === "session.state" && about.sessionId === sessionId && about.state === "Closed",
  );
  await session.client.close();
});

test("files and processes of a session stay, and another session does not see them", async () => {
  const [one, two] = await Promise.all([openSession(), openSession()]);
  await one.shell("echo mine > file");
  expect(await one.shell("cat file")).toMatchObject({ result: { stdout: "mine\n" } });
  expect(await two.shell("cat file")).toMatchObject({
    success: true,
    result: { state: "exited", exitCode: 1 },
  });
  for (const session of [one, two]) {
    await session.client.call("session.close", { sessionId: session.sessionId });
    await session.client.close();
  }
});
