import { describe, expect, test } from "vitest";
import { errorOf } from "./support/client.ts";
import { at, type Json, listAt } from "./support/json.ts";
import { sharedClient } from "./support/session.ts";

const client = sharedClient();

function refusal(id: string | number | null, code: number, name: string) {
  return {
    jsonrpc: "2.0",
    id,
    error: {
      code,
      message: expect.stringMatching(/./),
      data: expect.objectContaining({ code: name, fault: "caller", retryable: false }),
    },
  };
}

/** Sends a message that has an answer. */
async function ask(message: unknown): Promise<unknown> {
  client().send(message);
  return client().next();
}

/** Sends a message that has none: what comes next answers the request behind it. */
async function expectNoAnswer(message: unknown): Promise<void> {
  client().send(message);
  for (const id of ["behind-1", "behind-2"]) {
    expect(await ask({ jsonrpc: "2.0", id, method: "language.list" })).toMatchObject({ id });
  }
}

describe("the examples of JSON-RPC 2.0, section 7, with the methods of this server", () => {
  test("rpc call with positional parameters: this server takes them by name", async () => {
    const answer = await ask('{"jsonrpc": "2.0", "method": "session.create", "params": ["python"], "id": 1}');
    expect(answer).toEqual(refusal(1, -32602, "INVALID_PARAMS"));
  });

  test("rpc call with named parameters, in any order", async () => {
    const one = await ask(
      '{"jsonrpc": "2.0", "method": "initialize", "params": {"clientName": "a", "clientVersion": "1"}, "id": 3}',
    );
    const two = await ask(
      '{"id": 4, "params": {"clientVersion": "1", "clientName": "a"}, "method": "initialize", "jsonrpc": "2.0"}',
    );
    expect(one).toEqual({ jsonrpc: "2.0", id: 3, result: expect.objectContaining({ name: "codebeaker" }) });
    expect(two).toEqual({ jsonrpc: "2.0", id: 4, result: at(one, "result") });
  });

  test("a notification", async () => {
    await expectNoAnswer('{"jsonrpc": "2.0", "method": "language.list", "params": {}}');
    await expectNoAnswer('{"jsonrpc": "2.0", "method": "foobar"}');
  });

  test("rpc call of non-existent method", async () => {
    expect(await ask('{"jsonrpc": "2.0", "method": "foobar", "id": "1"}')).toEqual(
      refusal("1", -32601, "METHOD_NOT_FOUND"),
    );
  });

  test("rpc call with invalid JSON", async () => {
    expect(await ask('{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]')).toEqual(
      refusal(null, -32700, "PARSE_ERROR"),
    );
  });

  test("rpc call with invalid Request object", async () => {
    expect(await ask('{"jsonrpc": "2.0", "method": 1, "params": "bar"}')).toEqual(
      refusal(null, -32600, "INVALID_REQUEST"),
    );
  });

  test("rpc call Batch, invalid JSON", async () => {
    const batch =
      '[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", "method"]';
    expect(await ask(batch)).toEqual(refusal(null, -32700, "PARSE_ERROR"));
  });

  test("rpc call with an empty Array", async () => {
    expect(await ask("[]")).toEqual(refusal(null, -32600, "INVALID_REQUEST"));
  });

  test("rpc call with an invalid Batch (but not empty)", async () => {
    expect(await ask("[1]")).toEqual([refusal(null, -32600, "INVALID_REQUEST")]);
  });

  test("rpc call with invalid Batch", async () => {
    const refused = refusal(null, -32600, "INVALID_REQUEST");
    expect(await ask("[1,2,3]")).toEqual([refused, refused, refused]);
  });

  test("rpc call Batch", async () => {
    const answers = await ask([
      { jsonrpc: "2.0", method: "language.list", id: "1" },
      { jsonrpc: "2.0", method: "language.list" },
      { jsonrpc: "2.0", method: "initialize", params: { clientName: "a" }, id: "2" },
      { foo: "boo" },
      { jsonrpc: "2.0", method: "foo.get", params: { name: "myself" }, id: "5" },
      { jsonrpc: "2.0", method: "session.list", id: 9 },
    ]);
    expect(answers).toHaveLength(5);
    expect(answers).toEqual(
      expect.arrayContaining([
        { jsonrpc: "2.0", id: "1", result: expect.any(Object) },
        { jsonrpc: "2.0", id: "2", result: expect.any(Object) },
        refusal(null, -32600, "INVALID_REQUEST"),
        refusal("5", -32601, "METHOD_NOT_FOUND"),
        { jsonrpc: "2.0", id: 9, result: expect.any(Object) },
      ]),
    );
  });

  test("rpc call Batch (all notifications)", async () => {
    await expectNoAnswer([
      { jsonrpc: "2.0", method: "language.list" },
      { jsonrpc: "2.0", method: "foobar", params: {} },
    ]);
  });
});

describe("ids", () => {
  test.each(["text", "", "17", "ż\ud83d\ude00", 0, -3, 1.5, 9_007_199_254_740_991, null])(
    "%j comes back as it was sent",
    async (id) => {
      const answer = await ask({ jsonrpc: "2.0", id, method: "language.list" });
      expect(answer).toMatchObject({ jsonrpc: "2.0", id });
      expect(at(answer, "id")).toBe(id);
    },
  );

  test.each(["{}", "[1]", "true", "1e400", "12345678901234567890"])(
    "%s is no id that could come back",
    async (id) => {
      expect(await ask(`{"jsonrpc":"2.0","id":${id},"method":"language.list"}`)).toEqual(
        refusal(null, -32600, "INVALID_REQUEST"),
      );
    },
  );
});

describe("a message that is no request", () => {
  test.each(["", " ", "nonsense", '{"a":', "\u0000"])("%j is no JSON", async (text) => {
    expect(await ask(text)).toEqual(refusal(null, -32700, "PARSE_ERROR"));
  });

  test.each([
    "1",
    "null",
    '"text"',
    "{}",
    '{"jsonrpc":"1.0","id":null,"method":"language.list"}',
    '{"id":null,"method":"language.list"}',
    '{"jsonrpc":"2.0","id":null,"method":"language.list","params":"x"}',
    '{"jsonrpc":"2.0","id":null,"method":"language.list","params":null}',
  ])("%s is no request", async (text) => {
    expect(await ask(text)).toEqual(refusal(null, -32600, "INVALID_REQUEST"));
  });

  test("the id of an invalid request comes back where there is one", async () => {
    expect(await ask({ jsonrpc: "1.0", id: "mine", method: "language.list" })).toEqual(
      refusal("mine", -32600, "INVALID_REQUEST"),
    );
  });
});

describe("a batch", () => {
  test("of more than 256 requests is refused whole", async () => {
    const batch = Array.from({ length: 257 }, (_, id) => ({ jsonrpc: "2.0", id, method: "language.list" }));
    expect(await ask(batch)).toEqual(refusal(null, -32010, "LIMIT_EXCEEDED"));
  });

  test("of 256 is answered whole", async () => {
    const batch = Array.from({ length: 256 }, (_, id) => ({ jsonrpc: "2.0", id, method: "language.list" }));
    const answers = listAt({ answers: await ask(batch) }, "answers");
    expect(new Set(answers.map((answer) => at(answer, "id"))).size).toBe(256);
  });
});

describe("an error says what is wrong", () => {
  const command = { type: "execute_shell", commandName: "true" };
  const wrong: [string, Json, string[]][] = [
    ["an unknown field", { sessionId: "s", command, timeout: 5 }, ["timeout"]],
    ["an unknown field of the command", { sessionId: "s", command: { ...command, x: 1 } }, ["command.x"]],
    ["what can be no session", { sessionId: "a:pending", command }, ["sessionId"]],
    ["an unknown command", { sessionId: "s", command: { type: "format_disk" } }, ["command.type"]],
    ["missing fields", { command: { type: "write_file" } }, ["sessionId", "command.path", "command.content"]],
    [
      "a wrong type deep inside",
      { sessionId: "s", command: { ...command, args: ["a", 7] } },
      ["command.args[1]"],
    ],
    ["a number out of range", { sessionId: "s", command, timeoutMs: 0 }, ["timeoutMs"]],
    ["a fraction for an integer", { sessionId: "s", command, timeoutMs: 1.5 }, ["timeoutMs"]],
    ["a NUL byte", { sessionId: "s", command: { ...command, args: ["a\0"] } }, ["command.args[0]"]],
    [
      "no base64",
      { sessionId: "s", command: { type: "write_file", path: "a", content: "a*", encoding: "base64" } },
      ["command.content"],
    ],
  ];

  test.each(wrong)("%s: data.issues names it", async (_what, params, paths) => {
    const error = await errorOf(client().call("session.execute", params));
    expect(error).toMatchObject({
      code: -32602,
      data: { code: "INVALID_PARAMS", fault: "caller", retryable: false },
    });
    const issues = listAt(error, "data", "issues");
    expect(issues.map((issue) => at(issue, "path")).sort()).toEqual([...paths].sort());
    for (const issue of issues) {
      expect(issue).toEqual({ path: expect.any(String), reason: expect.stringMatching(/./) });
    }
    for (const path of paths) expect(error.message).toContain(path);
  });

  test.each([
    ["session.get", { sessionId: "nobody" }, -32001, "SESSION_NOT_FOUND"],
    ["session.close", { sessionId: "nobody" }, -32001, "SESSION_NOT_FOUND"],
    ["session.attach", { sessionId: "nobody" }, -32001, "SESSION_NOT_FOUND"],
    ["session.execute", { sessionId: "nobody", command }, -32001, "SESSION_NOT_FOUND"],
    ["execution.status", { commandId: "nothing" }, -32006, "COMMAND_NOT_FOUND"],
    ["execution.attach", { commandId: "nothing" }, -32006, "COMMAND_NOT_FOUND"],
    ["execution.cancel", { commandId: "nothing" }, -32006, "COMMAND_NOT_FOUND"],
    ["execution.input", { commandId: "nothing" }, -32006, "COMMAND_NOT_FOUND"],
    ["execution.resize", { commandId: "nothing", columns: 80, rows: 24 }, -32006, "COMMAND_NOT_FOUND"],
  ])("%s %j", async (method, params, code, name) => {
    expect(await errorOf(client().call(method, params))).toMatchObject({
      code,
      message: expect.stringContaining(" "),
      data: { code: name, fault: "caller", retryable: false },
    });
  });
});
