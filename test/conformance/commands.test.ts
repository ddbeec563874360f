import { describe, expect, test } from "vitest";
import { at, type Json, listAt } from "./support/json.ts";
import { newId, sharedSession } from "./support/session.ts";

const session = sharedSession();

const carriedOut = { state: "exited", fault: "none", commandId: expect.any(String) };

async function done(command: Json): Promise<unknown> {
  const answer = await session().execute(command);
  expect(answer).toMatchObject({
    success: true,
    error: null,
    durationMs: expect.any(Number),
    result: carriedOut,
  });
  return at(answer, "result");
}

async function expectRefused(command: Json, reason: RegExp): Promise<void> {
  expect(await session().execute(command)).toMatchObject({
    success: false,
    error: expect.stringMatching(reason),
    result: { state: "failed", fault: "caller" },
  });
}

const write = (path: string, content: string, more: Json = {}) =>
  done({ type: "write_file", path, content, ...more });
const read = (path: string, more: Json = {}) => done({ type: "read_file", path, ...more });

describe("execute_shell", () => {
  test("passes arguments as they are, with an environment, a folder and input", async () => {
    const program = [
      "import os, sys",
      "print(sys.argv[1:], os.environ['NAME'], os.getcwd(), repr(sys.stdin.read()))",
      "print('error', file=sys.stderr)",
    ].join("\n");
    const result = await done({
      type: "execute_shell",
      commandName: "python3",
      args: ["-c", program, "a b", "$HOME", "", "żółć"],
      env: { NAME: "a value" },
      workingDirectory: "/tmp",
      stdin: "typed\n",
    });
    expect(result).toMatchObject({
      exitCode: 0,
      stdout: "['a b', '$HOME', '', 'żółć'] a value /tmp 'typed\\n'\n",
      stderr: "error\n",
      truncated: false,
      oomKills: 0,
    });
    for (const measured of ["cpuMs", "wallMs", "peakMemoryBytes"]) {
      expect(at(result, measured)).toEqual(expect.any(Number));
    }
  });

  test("without input it reads nothing; without a folder it starts in /workspace", async () => {
    const result = await done({
      type: "execute_shell",
      commandName: "python3",
      args: ["-c", "import os, sys; print(os.getcwd(), len(sys.stdin.read()))"],
    });
    expect(result).toMatchObject({ stdout: "/workspace 0\n" });
  });
});

describe("execute_code", () => {
  test("runs a program of the session's language, with files beside it", async () => {
    const result = await done({
      type: "execute_code",
      code: "import sys, helper\nprint(helper.twice(int(input())), sys.argv[1:])",
      files: [{ path: "helper.py", content: "def twice(n): return 2 * n\n" }],
      args: ["x"],
      stdin: "21\n",
    });
    expect(result).toMatchObject({ exitCode: 0, stdout: "42 ['x']\n", stderr: "" });
  });
});

describe("write_file and read_file", () => {
  test("text, in folders that are made", async () => {
    expect(await write("deep/er/text", "żółć\n")).toMatchObject({ path: "deep/er/text", bytes: 9 });
    expect(await read("/workspace/deep/er/text")).toMatchObject({
      content: "żółć\n",
      encoding: "utf8",
      bytes: 9,
      size: 9,
      offset: 0,
      truncated: false,
    });
  });

  test("any bytes, as base64", async () => {
    const content = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString("base64");
    expect(await write("bytes", content, { encoding: "base64" })).toMatchObject({ bytes: 256 });
    expect(await read("bytes")).toMatchObject({ content, encoding: "base64" });
  });

  test("each mode", async () => {
    await write("mode", "one");
    await write("mode", "two", { mode: "Append" });
    expect(await read("mode")).toMatchObject({ content: "onetwo" });
    await write("mode", "three", { mode: "Overwrite" });
    expect(await read("mode")).toMatchObject({ content: "three" });
    await write("mode", "four", { mode: "Create" });
    expect(await read("mode")).toMatchObject({ content: "four" });
    await expectRefused({ type: "write_file", path: "mode", content: "x", mode: "CreateNew" }, /exist/i);
    await write("mode-new", "x", { mode: "CreateNew" });
  });

  test("ranges", async () => {
    await write("range", "0123456789");
    await write("range", "ab", { offset: 3 });
    expect(await read("range", { offset: 2, length: 4 })).toMatchObject({
      content: "2ab5",
      bytes: 4,
      offset: 2,
      size: 10,
      truncated: true,
    });
    expect(await read("range", { offset: 8 })).toMatchObject({ content: "89", truncated: false });
  });

  test("what can't be is refused with the system's reason", async () => {
    await expectRefused({ type: "read_file", path: "none" }, /no such file/i);
    await expectRefused({ type: "read_file", path: "/workspace" }, /is a directory/i);
    await expectRefused({ type: "write_file", path: "/etc/passwd", content: "x" }, /denied|read-only/i);
  });
});

test("create_directory", async () => {
  expect(await done({ type: "create_directory", path: "made/below" })).toMatchObject({
    path: "made/below",
    created: true,
  });
  expect(await done({ type: "create_directory", path: "made/below" })).toMatchObject({ created: false });
  await write("made/file", "");
  await expectRefused({ type: "create_directory", path: "made/file" }, /exist|not a directory/i);
});

test("copy_file", async () => {
  await write("copied", "content");
  const copy = { type: "copy_file", source: "copied", destination: "copy" };
  expect(await done(copy)).toMatchObject({ source: "copied", destination: "copy", bytes: 7 });
  expect(await read("copy")).toMatchObject({ content: "content" });
  await expectRefused({ ...copy, overwrite: false }, /exist/i);
  await expectRefused({ ...copy, source: "none" }, /no such file/i);
});

test("move_file", async () => {
  await write("moved", "content");
  await write("in-the-way", "other");
  const move = { type: "move_file", source: "moved", destination: "in-the-way" };
  await expectRefused({ ...move, overwrite: false }, /exist/i);
  expect(await done(move)).toMatchObject({ source: "moved", destination: "in-the-way" });
  expect(await read("in-the-way")).toMatchObject({ content: "content" });
  await expectRefused(move, /no such file/i);
});

test("delete_file", async () => {
  await write("deleted/file", "");
  await expectRefused({ type: "delete_file", path: "deleted" }, /not empty/i);
  expect(await done({ type: "delete_file", path: "deleted/file" })).toMatchObject({ path: "deleted/file" });
  await write("deleted/file", "");
  await done({ type: "delete_file", path: "deleted", recursive: true });
  await expectRefused({ type: "delete_file", path: "deleted" }, /no such file/i);
});

test("stat_file", async () => {
  await write("described", "12345");
  expect(await done({ type: "stat_file", path: "described" })).toMatchObject({
    name: "described",
    path: "described",
    type: "file",
    size: 5,
    mode: expect.stringMatching(/^0[0-7]{3}$/),
    modifiedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
  });
  await session().shell("ln -sf described link-to-it");
  expect(await done({ type: "stat_file", path: "link-to-it" })).toMatchObject({
    type: "symlink",
    target: "described",
  });
  await expectRefused({ type: "stat_file", path: "none" }, /no such file/i);
});

test("list_files", async () => {
  await write("listed/a", "1");
  await write("listed/b/c", "22");
  await write("listed/.hidden", "");
  const names = async (more: Json) => {
    const result = await done({ type: "list_files", path: "listed", ...more });
    return listAt(result, "entries").map((entry) => at(entry, "path"));
  };
  const below = (...paths: string[]) => paths.map((path) => `listed/${path}`);
  expect(await names({})).toEqual(below("a", "b"));
  expect(await names({ recursive: true })).toEqual(below("a", "b", "b/c"));
  expect(await names({ includeHidden: true })).toEqual(below(".hidden", "a", "b"));
  await expectRefused({ type: "list_files", path: "none" }, /no such file/i);
});

describe("the names of older clients", () => {
  test("snake_case and the commands shell, execute and create_dir", async () => {
    const { client, sessionId } = session();
    const call = (command: Json, more: Json = {}) =>
      client.call("session.execute", { session_id: sessionId, command, ...more });
    expect(await call({ type: "create_dir", path: "older" })).toMatchObject({ success: true });
    const shell = { type: "shell", command: "pwd", working_directory: "older" };
    expect(await call(shell, { timeout_ms: 60_000 })).toMatchObject({
      result: { stdout: "/workspace/older\n" },
    });
    expect(await call({ type: "execute", code: "print(1)" })).toMatchObject({ result: { stdout: "1\n" } });
    await write("older/.hidden", "");
    const listed = await call({ type: "list_files", path: "older", include_hidden: true });
    expect(listed).toMatchObject({ result: { entries: [{ name: ".hidden" }] } });
  });
});

test("execution.run: one program in a container of its own", async () => {
  const commandId = newId("run");
  const { client, sessionId } = session();
  const answer = await client.call("execution.run", {
    language: "python",
    code: "import sys; print(sys.argv[1:], input(), open('data').read())",
    args: ["a"],
    stdin: "b\n",
    files: [{ path: "data", content: "c" }],
    commandId,
  });
  expect(answer).toMatchObject({
    success: true,
    result: { ...carriedOut, commandId, stdout: "['a'] b c\n" },
  });
  const status = await client.call("execution.status", { commandId });
  expect(status).toMatchObject({ commandId, result: { stdout: "['a'] b c\n" } });
  expect(at(status, "sessionId")).not.toBe(sessionId);
});

test("commands of a session run in the order of their requests", async () => {
  const { client, sessionId } = session();
  const batch = Array.from({ length: 12 }, (_, index) => ({
    jsonrpc: "2.0",
    id: `order-${index}`,
    method: "session.execute",
    params: {
      sessionId,
      command: { type: "execute_shell", commandName: "sh", args: ["-c", `echo ${index} >> order`] },
    },
  }));
  client.send(batch);
  expect(await client.next()).toHaveLength(12);
  const expected = Array.from({ length: 12 }, (_, index) => `${index}\n`).join("");
  expect(await read("order")).toMatchObject({ content: expected });
});
