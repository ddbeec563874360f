import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ProgramResult } from "../src/shared/protocol/executions.ts";
import { type Client, failureOf, type Json } from "./support/client.ts";
import { containersOf, EVENTUALLY } from "./support/engine.ts";
import { sharedUrl, streamed, withClient } from "./support/session.ts";
import { startStack } from "./support/stack.ts";

async function run(client: Client, params: Json) {
  const answer = await client.call("execution.run", params);
  return { ...answer, result: ProgramResult.parse(answer.result) };
}

const programs = {
  python: "import sys; print('hello', sys.argv[1], sys.stdin.read())",
  javascript: "console.log('hello', process.argv[2], require('fs').readFileSync(0, 'utf8'))",
  go: 'package main\nimport ("fmt"; "io"; "os")\nfunc main() { b, _ := io.ReadAll(os.Stdin); fmt.Println("hello", os.Args[1], string(b)) }',
  csharp:
    'class P { static void Main(string[] a) { System.Console.WriteLine("hello " + a[0] + " " + System.Console.In.ReadToEnd()); } }',
};

describe("one program in a container of its own", () => {
  test.each(Object.entries(programs))(
    "%s: code, arguments, stdin; the result in the response",
    (language, code) =>
      withClient(async (client) => {
        expect(await run(client, { language, code, args: ["w"], stdin: "in" })).toMatchObject({
          success: true,
          error: null,
          result: {
            state: "exited",
            fault: "none",
            exitCode: 0,
            stdout: "hello w in\n",
            stderr: "",
            truncated: false,
          },
          durationMs: expect.any(Number),
        });
      }),
  );

  test("files lie beside it, binary ones too", () =>
    withClient(async (client) => {
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
      const { result } = await run(client, {
        language: "python",
        code: "import lib; print(lib.N, open('data/all', 'rb').read() == bytes(range(256)))",
        files: [
          { path: "lib.py", content: "N = 7" },
          { path: "data/all", content: bytes.toString("base64"), encoding: "base64" },
        ],
      });
      expect(result).toMatchObject({ stderr: "", stdout: "7 True\n" });
    }));

  test("a program that fails is carried out to its end all the same", () =>
    withClient(async (client) => {
      const code = "import sys; print('to stderr', file=sys.stderr); sys.exit(3)";
      expect(await run(client, { language: "python", code })).toMatchObject({
        success: true,
        error: null,
        result: { state: "exited", fault: "program", exitCode: 3, stderr: "to stderr\n" },
      });
    }));

  test("an alias of a language works, an unknown one is refused and those known are named", () =>
    withClient(async (client) => {
      expect((await run(client, { language: "Node", code: "console.log(1)" })).result.stdout).toBe("1\n");
      const error = await failureOf(run(client, { language: "cobol", code: "" }));
      expect(error).toMatchObject({ code: -32602, data: { code: "INVALID_PARAMS" } });
      expect(error.message).toMatch(/cobol.*python.*javascript/);
    }));
});

describe("its limits", () => {
  test("time", () =>
    withClient(async (client) => {
      const code = "print('begun', flush=True)\nwhile True: pass";
      expect(await run(client, { language: "python", code, timeoutMs: 1000 })).toMatchObject({
        success: false,
        error: expect.stringContaining("1000 ms"),
        result: { state: "failed", fault: "limit", limit: "time", exitCode: null, stdout: "begun\n" },
      });
    }));

  test("memory", () =>
    withClient(async (client) => {
      const code = "print('begun', flush=True)\nx = b'x' * (1 << 30)";
      expect(await run(client, { language: "python", code, memoryLimitMB: 64 })).toMatchObject({
        success: false,
        error: expect.stringContaining("64 MB"),
        result: { state: "failed", fault: "limit", limit: "memory", stdout: "begun\n" },
      });
    }));

  test("output", () =>
    withClient(async (client) => {
      const params = { language: "python", code: "print('x' * 100_000)", maxOutputBytes: 1000 };
      expect((await run(client, params)).result).toMatchObject({
        state: "exited",
        exitCode: 0,
        truncated: true,
        stdout: "x".repeat(1000),
      });
    }));
});

test("one that no worker takes within queueTimeoutMs expires, and says so", async () => {
  const stack = await startStack({ workers: 0 });
  try {
    await withClient(async (client) => {
      const commandId = randomUUID();
      const answer = await run(client, { language: "python", code: "1", commandId, queueTimeoutMs: 1000 });
      expect(answer).toMatchObject({
        success: false,
        error: expect.stringContaining("queueTimeoutMs"),
        result: { state: "expired", fault: "infrastructure", exitCode: null },
      });
      expect(await client.call("execution.status", { commandId })).toMatchObject({ state: "expired" });
    }, stack.urls[0]);
  } finally {
    await stack.stop();
  }
});

describe("the container is thrown away", () => {
  test("it streams, is in no list, is gone afterwards, and the result stays", () =>
    withClient(async (client) => {
      const commandId = randomUUID();
      const code = "import time\nfor i in range(3): print(i, flush=True); time.sleep(0.2)";
      const running = run(client, { language: "python", code, commandId, stream: true });
      const started = await client.until(({ method }) => method === "execution.started");
      expect(started.params).toMatchObject({ commandId, sessionId: expect.any(String) });
      const sessionId = String(started.params.sessionId);
      await client.until(({ method }) => method === "execution.output");
      expect(await containersOf(sessionId)).toHaveLength(1);
      const { sessions } = await client.call("session.list");
      expect(sessions.map((session) => session.sessionId)).not.toContain(sessionId);

      const answer = await running;
      expect(answer.result.stdout).toBe("0\n1\n2\n");
      expect(streamed(client.notifications, commandId).toString()).toBe("0\n1\n2\n");
      expect(client.notifications.at(-1)).toMatchObject({
        method: "execution.ended",
        params: { state: "exited" },
      });
      await expect.poll(() => containersOf(sessionId), EVENTUALLY).toEqual([]);

      await withClient(async (other) => {
        expect(await other.call("execution.status", { commandId })).toMatchObject({ ...answer, commandId });
      }, sharedUrl(1));
    }));

  test("also after one that was ended, with what it had started", () =>
    withClient(async (client) => {
      const code = "import subprocess\nsubprocess.Popen(['setsid', 'sleep', '1000'])\nwhile True: pass";
      const running = run(client, { language: "python", code, timeoutMs: 1000, stream: true });
      const { params } = await client.until(({ method }) => method === "execution.started");
      expect((await running).result).toMatchObject({ limit: "time" });
      await expect.poll(() => containersOf(String(params.sessionId)), EVENTUALLY).toEqual([]);
    }));

  test("the same commandId again gives the first one's answer", () =>
    withClient(async (client) => {
      const params = {
        language: "python",
        code: "import uuid; print(uuid.uuid4())",
        commandId: randomUUID(),
      };
      const first = await run(client, params);
      expect(await run(client, params)).toEqual(first);
      const error = await failureOf(run(client, { ...params, code: "print(1)" }));
      expect(error).toMatchObject({ data: { code: "IDEMPOTENCY_CONFLICT" } });
    }));
});
