import { describe, expect, test } from "vitest";
import { errorOf } from "./support/client.ts";
import { newId, outputOf, sharedSession, untilEnded, untilOutput } from "./support/session.ts";

const session = sharedSession();

const ASK = "print('hello', input('name? ')); import sys; print('rest:', repr(sys.stdin.read()))";
const input = (commandId: string, data: string, more: object = {}) =>
  session().client.call("execution.input", { commandId, data, ...more });

describe("input", () => {
  test("a program that asks gets the answer and the end of the file", async () => {
    const commandId = newId();
    const running = session().python(ASK, { commandId, stream: true }, { keepStdinOpen: true });
    await untilOutput(session().client, commandId, "name? ");
    expect(await input(commandId, "Ada\n")).toEqual({ commandId, inputOffset: 4 });
    await untilOutput(session().client, commandId, "hello Ada\n");
    expect(
      await input(commandId, Buffer.from("bye").toString("base64"), { encoding: "base64", eof: true }),
    ).toEqual({ commandId, inputOffset: 7 });
    expect(await running).toMatchObject({ result: { stdout: "name? hello Ada\nrest: 'bye'\n" } });
  });

  test("before the start, behind the stdin of the command, each offset once", async () => {
    const commandId = newId();
    const first = session().shell("sleep 1");
    const waiting = session().python(ASK, { commandId }, { keepStdinOpen: true, stdin: "Bob\n" });
    await session().client.call("execution.status", { commandId });
    await input(commandId, "x", { offset: 0 });
    await input(commandId, "x", { offset: 0 });
    expect(await errorOf(input(commandId, "y", { offset: 5 }))).toMatchObject({
      code: -32602,
      data: { issues: [{ path: "offset" }] },
    });
    await input(commandId, "", { eof: true });
    await first;
    expect(await waiting).toMatchObject({ result: { stdout: "name? hello Bob\nrest: 'x'\n" } });
  });

  test("what takes none says so", async () => {
    const closed = newId();
    const running = session().shell("sleep 1", { commandId: closed });
    await session().client.call("execution.status", { commandId: closed });
    expect(await errorOf(input(closed, "x"))).toMatchObject({ code: -32602 });
    await running;
    expect(await errorOf(input(closed, "x"))).toMatchObject({ data: { code: "COMMAND_ENDED" } });
  });
});

test("a terminal: its size, a new size, Ctrl-C, and the exit code of the shell", async () => {
  const commandId = newId();
  const running = session().execute(
    {
      type: "execute_shell",
      commandName: "sh",
      args: ["-i"],
      pty: { columns: 90, rows: 30 },
      env: { PS1: "$ ", ENV: "" },
    },
    { commandId, stream: true },
  );
  const { client } = session();
  await untilOutput(client, commandId, "$ ");
  await input(commandId, "stty size\r");
  await untilOutput(client, commandId, "30 90\r\n");
  expect(await client.call("execution.resize", { commandId, columns: 120, rows: 40 })).toEqual({
    commandId,
    columns: 120,
    rows: 40,
  });
  await input(commandId, "stty size\r");
  await untilOutput(client, commandId, "40 120\r\n");
  // Once it has printed, Ctrl-C reaches it and not the shell that is about to start it.
  await input(commandId, "sh -c 'echo $((40 + 1)); exec sleep 1000'\r");
  await untilOutput(client, commandId, "41\r\n");
  await input(commandId, "\u0003");
  await client.until(() => /41\r\n[^$]*\$ $/.test(outputOf(client, commandId).toString()));
  await input(commandId, "echo $((6 * 7))\r");
  await untilOutput(client, commandId, "42\r\n");
  await input(commandId, "exit 5\r");
  expect(await running).toMatchObject({ result: { state: "exited", exitCode: 5, stderr: "" } });
  expect(outputOf(client, commandId, "stderr").length).toBe(0);
});

test("execution.resize of what has no terminal is refused", async () => {
  const commandId = newId();
  const running = session().shell("sleep 1", { commandId });
  await session().client.call("execution.status", { commandId });
  const resize = session().client.call("execution.resize", { commandId, columns: 80, rows: 24 });
  expect(await errorOf(resize)).toMatchObject({ code: -32602 });
  await running;
});

describe("execution.cancel", () => {
  test("ends all that the command started, and says by which signal it ended", async () => {
    const commandId = newId();
    const line = "setsid sleep 4321 & (sleep 4321 &); echo ready; sleep 4321";
    const running = session().shell(line, { commandId, stream: true });
    await untilOutput(session().client, commandId, "ready");
    expect(await session().client.call("execution.cancel", { commandId })).toEqual({
      commandId,
      state: "running",
    });
    expect(await running).toMatchObject({
      success: false,
      error: expect.stringMatching(/./),
      result: { state: "cancelled", fault: "caller", exitCode: null, signal: "SIGTERM" },
    });
    const left = await session().shell(
      "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c '[s]leep 4321'; true",
    );
    expect(left).toMatchObject({ result: { stdout: "0\n" } });
  });

  test("SIGKILL follows after graceMs", async () => {
    const commandId = newId();
    const line = "trap '' TERM; echo ready; while true; do sleep 0.1; done";
    const running = session().shell(line, { commandId, stream: true });
    await untilOutput(session().client, commandId, "ready");
    await session().client.call("execution.cancel", { commandId, graceMs: 200 });
    expect(await running).toMatchObject({ result: { state: "cancelled", signal: "SIGKILL" } });
  });

  test("a queued command never runs; one that has ended stays as it is", async () => {
    const [runs, waits] = [newId(), newId()];
    const first = session().shell("sleep 1", { commandId: runs });
    const second = session().shell("touch ran-all-the-same", { commandId: waits });
    await session().client.call("execution.status", { commandId: waits });
    expect(await session().client.call("execution.cancel", { commandId: waits })).toEqual({
      commandId: waits,
      state: "queued",
    });
    expect(await second).toMatchObject({
      success: false,
      result: { state: "cancelled", fault: "caller", exitCode: null },
    });
    await first;
    expect(await session().client.call("execution.cancel", { commandId: runs })).toEqual({
      commandId: runs,
      state: "exited",
    });
    expect(await session().shell("ls")).not.toMatchObject({
      result: { stdout: expect.stringContaining("ran-all-the-same") },
    });
  });
});

describe("in the background", () => {
  test("the answer comes at once, other commands go on, and it is followed by its id", async () => {
    const commandId = newId();
    const { client, sessionId } = session();
    const started = await session().shell("echo up; sleep 1000", {
      commandId,
      background: true,
      stream: true,
    });
    expect(started).toMatchObject({
      success: true,
      error: null,
      result: { commandId, sessionId, state: expect.stringMatching(/^(queued|running)$/) },
    });
    await untilOutput(client, commandId, "up\n");
    expect(await session().shell("echo beside")).toMatchObject({ result: { stdout: "beside\n" } });
    expect(await client.call("execution.status", { commandId })).toMatchObject({ state: "running" });
    await client.call("execution.cancel", { commandId });
    expect(await untilEnded(client, commandId)).toMatchObject({ state: "cancelled", fault: "caller" });
    expect(await client.call("execution.status", { commandId })).toMatchObject({
      state: "cancelled",
      success: false,
      result: { stdout: "up\n" },
    });
  });

  test("execution.run with wait: false", async () => {
    const commandId = newId("run");
    const { client } = session();
    expect(
      await client.call("execution.run", {
        language: "python",
        code: "print(6 * 7)",
        commandId,
        wait: false,
      }),
    ).toMatchObject({ success: true, result: { commandId } });
    await client.call("execution.attach", { commandId });
    expect(await untilEnded(client, commandId)).toMatchObject({ state: "exited", exitCode: 0 });
    expect(outputOf(client, commandId).toString()).toBe("42\n");
  });
});
