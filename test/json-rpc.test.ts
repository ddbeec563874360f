import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { failureOf, type Json } from "./support/client.ts";
import { sharedUrl, withClient, withSession } from "./support/session.ts";

const MIB = 1_048_576;

function frame(request: Json): string {
  return JSON.stringify({ jsonrpc: "2.0", ...request });
}

function refusal(id: string | number | null, code: number, name: string) {
  return { jsonrpc: "2.0", id, error: { code, data: { code: name, fault: "caller", retryable: false } } };
}

describe("what is no request is answered by the five standard errors", () => {
  test.each([
    ["text that is no JSON", '{"jsonrpc":"2.0","method":"session.list", "id":'],
    ["an empty frame", ""],
    ["a batch that is cut off", '[{"jsonrpc":"2.0","method":"session.list","id":1},'],
  ])("a parse error with the id null: %s", async (_what, text) => {
    await withClient(async (client) => {
      expect(await client.raw(text)).toMatchObject(refusal(null, -32700, "PARSE_ERROR"));
    });
  });

  test.each([
    ["a number", "1"],
    ["null", "null"],
    ["no method", frame({ id: null })],
    ["a method that is no string", frame({ id: null, method: 1 })],
    ["no version", '{"id":null,"method":"session.list"}'],
    ["another version", '{"jsonrpc":"1.0","id":null,"method":"session.list"}'],
    ["an id that is an object", frame({ id: {}, method: "session.list" })],
    ["params that are a string", frame({ id: null, method: "session.list", params: "x" })],
  ])("an invalid request: %s", async (_what, text) => {
    await withClient(async (client) => {
      expect(await client.raw(text)).toMatchObject(refusal(null, -32600, "INVALID_REQUEST"));
    });
  });

  test.each(["session.destroy", "SESSION.LIST", "", "constructor", "__proto__"])(
    "an unknown method is named: %j",
    async (method) => {
      await withClient(async (client) => {
        const answer = await client.raw(frame({ id: "a", method }));
        expect(answer).toMatchObject(refusal("a", -32601, "METHOD_NOT_FOUND"));
        expect(answer).toMatchObject({ error: { message: expect.stringContaining(method) } });
      });
    },
  );

  test("params by position are refused, since every method takes them by name", async () => {
    await withClient(async (client) => {
      const answer = await client.raw(frame({ id: "a", method: "session.create", params: ["python"] }));
      expect(answer).toMatchObject(refusal("a", -32602, "INVALID_PARAMS"));
      expect(answer).toMatchObject({ error: { message: expect.stringMatching(/name/) } });
    });
  });
});

describe("params that do not fit are refused, each with where and why", () => {
  const command = { type: "execute_shell", commandName: "true" };

  test.each([
    ["an unknown field", { sessionId: "s", command, timeout: 5 }, "timeout"],
    ["an unknown field of the command", { sessionId: "s", command: { ...command, arg: [] } }, "command.arg"],
    ["an unknown type of command", { sessionId: "s", command: { type: "format_disk" } }, "command.type"],
    ["a field that is missing", { command }, "sessionId"],
    ["a wrong type", { sessionId: 7, command }, "sessionId"],
    [
      "a wrong type deep inside",
      { sessionId: "s", command: { ...command, args: ["a", 7] } },
      "command.args[1]",
    ],
    ["a number out of range", { sessionId: "s", command, timeoutMs: 0 }, "timeoutMs"],
    ["a NUL byte", { sessionId: "s", command: { ...command, args: ["a\0b"] } }, "command.args[0]"],
    ["an id with a space", { sessionId: "s", command, commandId: "a b" }, "commandId"],
    ["no base64", write("a*", "base64"), "command.content"],
  ])("%s", async (_what, params, path) => {
    await withClient(async (client) => {
      const error = await failureOf(client.call("session.execute", params));
      expect(error).toMatchObject({ code: -32602, data: { code: "INVALID_PARAMS", fault: "caller" } });
      expect(error.message).toContain(path);
      expect(error.data?.issues).toEqual([{ path, reason: expect.stringMatching(/./) }]);
    });
  });

  test("several at once are all named", async () => {
    await withClient(async (client) => {
      const call = client.call("session.create", { language: 5, cpus: "two", colour: "red" });
      const { data } = await failureOf(call);
      expect(data?.issues?.map(({ path }) => path).sort()).toEqual(["colour", "cpus", "language"]);
    });
  });

  function write(content: string, encoding: string) {
    return { sessionId: "s", command: { type: "write_file", path: "a", content, encoding } };
  }
});

describe("what the server says of itself", () => {
  test("initialize: its name, version, languages and limits; no other method waits for it", () =>
    withClient(async (client) => {
      const params = { client_name: "a test", clientVersion: "1.0" };
      expect(await client.call("initialize", params)).toEqual({
        name: "codebeaker",
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
        protocolVersion: 1,
        languages: ["python", "javascript", "go", "csharp"],
        limits: { maxMessageBytes: MIB, maxOutputBytes: 256 * MIB, maxOpenCommands: 64 },
      });
    }));

  test("language.list: every language with its aliases and image", () =>
    withClient(async (client) => {
      const { languages } = await client.call("language.list", {});
      expect(languages).toEqual([
        { name: "python", aliases: [], image: "codebeaker-python:latest" },
        { name: "javascript", aliases: ["nodejs", "node"], image: "codebeaker-nodejs:latest" },
        { name: "go", aliases: ["golang"], image: "codebeaker-golang:latest" },
        { name: "csharp", aliases: ["dotnet", "c#"], image: "codebeaker-dotnet:latest" },
      ]);
    }));
});

describe("an id comes back as it was sent", () => {
  test.each(["abc", "", "17", 0, -3, 1.5, 9_007_199_254_740_991, null])("%j", async (id) => {
    await withClient(async (client) => {
      const answer = await client.raw(frame({ id, method: "language.list" }));
      expect(answer).toMatchObject({ jsonrpc: "2.0", id, result: { languages: expect.any(Array) } });
    });
  });
});

describe("a notification is never answered", () => {
  test.each([
    ["one that succeeds", { method: "language.list" }],
    ["an unknown method", { method: "session.destroy" }],
    ["wrong params", { method: "session.get", params: { sessionId: 5 } }],
    ["one that fails", { method: "session.get", params: { sessionId: "nobody" } }],
  ])("%s", async (_what, notification) => {
    await withClient(async (client) => {
      const received: string[] = [];
      client.socket.on("message", (data) => received.push(String(data)));
      client.socket.send(frame(notification));
      // Both go through Redis, as the failing notification does.
      await client.raw(frame({ id: "first", method: "session.get", params: { sessionId: "nobody" } }));
      await client.raw(frame({ id: "second", method: "session.get", params: { sessionId: "nobody" } }));
      expect(received).toHaveLength(2);
    });
  });
});

describe("batches", () => {
  test("each request of a batch is answered, notifications are not, invalid members one by one", async () => {
    await withClient(async (client) => {
      const batch = [
        { jsonrpc: "2.0", id: "good", method: "language.list" },
        { jsonrpc: "2.0", method: "language.list" },
        { jsonrpc: "2.0", id: "unknown", method: "session.destroy" },
        { jsonrpc: "2.0", id: "wrong", method: "session.get", params: {} },
        { foo: "boo" },
        1,
      ];
      const answers = await client.raw(JSON.stringify(batch));
      expect(answers).toHaveLength(5);
      expect(answers).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ jsonrpc: "2.0", id: "good", result: expect.any(Object) }),
          expect.objectContaining({ id: "unknown", error: expect.objectContaining({ code: -32601 }) }),
          expect.objectContaining({ id: "wrong", error: expect.objectContaining({ code: -32602 }) }),
        ]),
      );
      const invalid = expect.objectContaining({ id: null, error: expect.objectContaining({ code: -32600 }) });
      expect(answers).toEqual(expect.arrayContaining([invalid]));
      expect(JSON.stringify(answers).split("-32600")).toHaveLength(3);
    });
  });

  test("an empty batch is one invalid request", async () => {
    await withClient(async (client) => {
      expect(await client.raw("[]")).toMatchObject(refusal(null, -32600, "INVALID_REQUEST"));
    });
  });

  test("a batch of notifications alone is answered by nothing", async () => {
    await withClient(async (client) => {
      client.socket.send(JSON.stringify([{ jsonrpc: "2.0", method: "language.list" }]));
      const next = await client.raw(frame({ id: "next", method: "language.list" }));
      expect(next).toMatchObject({ id: "next" });
    });
  });

  test("commands of a batch run in the order of the batch", async () => {
    await withSession(async ({ client, sessionId, shell }) => {
      const batch = Array.from({ length: 20 }, (_, index) => ({
        jsonrpc: "2.0",
        id: `n${index}`,
        method: "session.execute",
        params: {
          sessionId,
          command: { type: "shell", command: "bash", args: ["-c", `echo ${index} >> order`] },
        },
      }));
      expect(await client.raw(JSON.stringify(batch))).toHaveLength(20);
      const { result } = await shell("cat order");
      expect(result.stdout).toBe(Array.from({ length: 20 }, (_, index) => `${index}\n`).join(""));
    });
  });
});

describe("what existing clients send is understood", () => {
  test("snake_case fields, beside the command and inside, and aliases of commands", async () => {
    await withSession(async ({ client, sessionId }) => {
      const made = await client.call("session.execute", {
        session_id: sessionId,
        command: { type: "create_dir", path: "folder" },
      });
      expect(made).toMatchObject({ success: true });

      const shell = await client.call("session.execute", {
        session_id: sessionId,
        timeout_ms: 60_000,
        max_output_bytes: 1000,
        command: {
          type: "shell",
          command: "bash",
          args: ["-c", 'pwd; touch .hidden; echo "$under_score"'],
          working_directory: "folder",
          env: { under_score: "kept" },
        },
      });
      expect(shell.result).toMatchObject({ exitCode: 0, stdout: "/workspace/folder\nkept\n" });

      const code = await client.call("session.execute", {
        session_id: sessionId,
        command: { type: "execute", code: "print(1 + 1)" },
      });
      expect(code.result).toMatchObject({ exitCode: 0, stdout: "2\n" });

      const listed = await client.call("session.execute", {
        session_id: sessionId,
        command: { type: "list_files", path: "folder", include_hidden: true },
      });
      expect(listed.result).toMatchObject({ entries: [{ name: ".hidden" }] });
    });
  });
});

describe("a message that is too large", () => {
  test("over 1 MiB: LIMIT_EXCEEDED says what to do instead, and the connection works on", async () => {
    await withClient(async (client) => {
      const command = { type: "write_file", path: "big", content: "x".repeat(MIB) };
      const error = await failureOf(client.call("session.execute", { sessionId: "any", command }));
      expect(error).toMatchObject({ data: { code: "LIMIT_EXCEEDED", fault: "caller", retryable: false } });
      expect(error.message).toMatch(/1 MiB|1048576|1,048,576/);
      expect(error.message).toMatch(/write_file|parts|pieces/);
      expect(await client.call("language.list")).toMatchObject({ languages: expect.any(Array) });
    });
  });

  test("over 8 MiB: the connection closes with 1009", async () => {
    const socket = new WebSocket(sharedUrl());
    await once(socket, "open");
    socket.on("error", () => {}); // the server may close while the rest is being sent
    const closed = once(socket, "close");
    socket.send("x".repeat(8 * MIB + 1));
    expect((await closed)[0]).toBe(1009);
  });

  test("just below 1 MiB is taken whole", async () => {
    await withSession(async ({ file }) => {
      const content = "x".repeat(MIB - 500);
      const { result } = await file({ type: "write_file", path: "big", content });
      expect(result).toMatchObject({ state: "exited", bytes: content.length });
    });
  });
});

test("one client's bad input disturbs no other client", async () => {
  await withSession(async ({ shell, client }) => {
    const running = shell("sleep 1; echo undisturbed", { stream: true });
    await client.until(({ method }) => method === "execution.started");

    await withClient(async (other) => {
      await other.raw("{{{{");
      await other.raw(Buffer.from([0xff, 0xfe, 0x00]).toString("latin1"));
      await other.raw(JSON.stringify(Array.from({ length: 1000 }, () => ({}))));
      const closed = once(other.socket, "close");
      other.socket.on("error", () => {});
      other.socket.send("x".repeat(8 * MIB + 1));
      await closed;
    });

    expect((await running).result).toMatchObject({ exitCode: 0, stdout: "undisturbed\n" });
  });
});
