import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ProgramResult } from "../src/shared/protocol/executions.ts";
import { failureOf } from "./support/client.ts";
import { withSession } from "./support/session.ts";

const sleep = { type: "execute_shell", commandName: "sleep", args: ["1000"] };

function python(code: string, ...args: string[]) {
  return { type: "execute_shell", commandName: "python3", args: ["-c", code, ...args] };
}

describe("a program gets what the client gave", () => {
  test("argv reaches it untouched: no shell reads it", async () => {
    const args = [
      "plain",
      "two words",
      "",
      "'single' \"double\" `back`",
      "$HOME $PATH $(id)",
      "a\nb\tc\r",
      "*",
      "a\\b\\\\",
      "; rm -rf / & | > x #",
      "żółć 日本語 😀 é",
      "-c",
      "--",
    ];
    await withSession(async ({ program }) => {
      const { result } = await program(python("import sys, json; print(json.dumps(sys.argv[1:]))", ...args));
      expect(JSON.parse(result.stdout)).toEqual(args);
    });
  });

  test("env is added to that of the image, value by value untouched", async () => {
    await withSession(async ({ program }) => {
      const env = { GREETING: "a 'b' $c\nd=e", EMPTY: "", ŻÓŁĆ: "日本" };
      const code = "import os, json; print(json.dumps(dict(os.environ)))";
      const { result } = await program({ ...python(code), env });
      const seen = JSON.parse(result.stdout);
      expect(seen).toMatchObject({ ...env, HOME: "/workspace", LANG: "C.UTF-8" });
      expect(seen).toHaveProperty("PATH");
      const { result: next } = await program(python("import os; print('GREETING' in os.environ)"));
      expect(next.stdout).toBe("False\n");
    });
  });

  test("workingDirectory is /workspace, or as asked, also relative to it", async () => {
    await withSession(async ({ program, shell }) => {
      await shell("mkdir -p 'a folder/inside'");
      const pwd = async (workingDirectory?: string) => {
        const { result } = await program({
          type: "execute_shell",
          commandName: "pwd",
          ...(workingDirectory && { workingDirectory }),
        });
        return result.stdout;
      };
      expect(await pwd()).toBe("/workspace\n");
      expect(await pwd("/tmp")).toBe("/tmp\n");
      expect(await pwd("a folder/inside")).toBe("/workspace/a folder/inside\n");
    });
  });

  test("stdin, and its end; without one, nothing", async () => {
    await withSession(async ({ program }) => {
      const cat = { type: "execute_shell", commandName: "cat" };
      const stdin = "żółć\n\0\u{1f600}no newline at the end";
      expect((await program({ ...cat, stdin })).result).toMatchObject({ exitCode: 0, stdout: stdin });
      expect((await program({ ...cat, stdin: "" })).result).toMatchObject({ exitCode: 0, stdout: "" });
      expect((await program(cat)).result).toMatchObject({ exitCode: 0, stdout: "" });
    });
  });

  test("900 kB of stdin, also to one that does not read it", async () => {
    await withSession(async ({ program }) => {
      const stdin = "x".repeat(900_000);
      const count = await program({ type: "execute_shell", commandName: "wc", args: ["-c"], stdin });
      expect(count.result).toMatchObject({ exitCode: 0, stdout: "900000\n" });
      const ignore = await program({ type: "execute_shell", commandName: "true", stdin });
      expect(ignore.result).toMatchObject({ state: "exited", fault: "none", exitCode: 0 });
    });
  });

  test("a program by a relative path, as execve(2) has it", async () => {
    await withSession(async ({ program, shell }) => {
      await shell("mkdir bin; printf '#!/bin/sh\\necho \"ran in $PWD\"\\n' > bin/tool; chmod +x bin/tool");
      const { result } = await program({ type: "execute_shell", commandName: "bin/tool" });
      expect(result).toMatchObject({ exitCode: 0, stdout: "ran in /workspace\n" });
      const there = { type: "execute_shell", commandName: "./tool", workingDirectory: "bin" };
      expect((await program(there)).result).toMatchObject({ stdout: "ran in /workspace/bin\n" });
    });
  });
});

describe("the result of a program", () => {
  test("every field that a result has, and measurements that can be true", async () => {
    await withSession(async ({ program }) => {
      const commandId = randomUUID();
      const busy = "x = b'x' * 50_000_000\nn = 0\nwhile n < 2_000_000: n += 1";
      const { durationMs, ...answer } = await program(python(busy), { commandId });
      expect(answer).toEqual({
        success: true,
        error: null,
        result: {
          commandId,
          state: "exited",
          fault: "none",
          exitCode: 0,
          stdout: "",
          stderr: "",
          truncated: false,
          cpuMs: expect.any(Number),
          wallMs: expect.any(Number),
          peakMemoryBytes: expect.any(Number),
          oomKills: 0,
        },
      });
      const { cpuMs, wallMs, peakMemoryBytes } = answer.result;
      expect(cpuMs).toBeGreaterThan(0);
      expect(wallMs).toBeGreaterThan(0);
      expect(durationMs).toBeGreaterThanOrEqual(wallMs);
      expect(peakMemoryBytes).toBeGreaterThan(50_000_000);
      expect(peakMemoryBytes).toBeLessThan(512 * 1_048_576);
    });
  });
});

describe("a program that can't be started", () => {
  const refused = { success: false, result: { state: "failed", fault: "caller", exitCode: null } };

  test("none of that name", async () => {
    await withSession(async ({ program }) => {
      const answer = await program({ type: "execute_shell", commandName: "no-such-program" });
      expect(answer).toMatchObject({ ...refused, error: expect.stringContaining("no-such-program") });
    });
  });

  test("a line of shell as a name: the error says how to run one", async () => {
    await withSession(async ({ program }) => {
      const answer = await program({ type: "execute_shell", commandName: "ls -la" });
      expect(answer).toMatchObject({ ...refused, error: expect.stringMatching(/ls -la.*bash.*-c/) });
    });
  });

  test.each([
    ["a file that is not executable", "touch there", "./there", /permission denied/i],
    ["a folder", "mkdir there", "./there", /permission denied|is a directory/i],
    [
      "an interpreter that is missing",
      "printf '#!/no/such\\n' > there; chmod +x there",
      "./there",
      /no such file/i,
    ],
    ["text that is no program", "head -c 100 /dev/zero > there; chmod +x there", "./there", /exec format/i],
  ])("%s", async (_what, prepare, commandName, reason) => {
    await withSession(async ({ program, shell }) => {
      expect((await shell(prepare)).result.exitCode).toBe(0);
      const answer = await program({ type: "execute_shell", commandName });
      expect(answer).toMatchObject({ ...refused, error: expect.stringMatching(reason) });
    });
  });

  test.each([
    ["missing", "/no/such/folder", /no such file/i],
    ["a file", "/etc/hostname", /not a directory/i],
    ["not to be entered", "/root", /permission denied/i],
  ])("a workingDirectory that is %s", async (_what, workingDirectory, reason) => {
    await withSession(async ({ program }) => {
      const answer = await program({ type: "execute_shell", commandName: "true", workingDirectory });
      expect(answer).toMatchObject({ ...refused, error: expect.stringMatching(reason) });
      expect(answer.error).toContain(workingDirectory);
    });
  });
});

describe("output", () => {
  test("stdout and stderr stay apart", async () => {
    await withSession(async ({ shell }) => {
      const { result } = await shell("echo out; echo err >&2; echo out again");
      expect(result).toMatchObject({ stdout: "out\nout again\n", stderr: "err\n" });
      expect(result).not.toHaveProperty("lossy");
    });
  });

  test("bytes that are no UTF-8 stand as U+FFFD, and the result says so", async () => {
    await withSession(async ({ shell }) => {
      const { result } = await shell("printf 'caf\\351 \\377\\376 żółć'; printf ok >&2");
      expect(result).toMatchObject({ stdout: "caf\ufffd \ufffd\ufffd żółć", stderr: "ok", lossy: true });
    });
  });

  test("a background child that keeps stdout open does not hold the command, and lives on", async () => {
    await withSession(async ({ shell }) => {
      const { result } = await shell("sleep 1000 & echo $!");
      expect(result).toMatchObject({
        state: "exited",
        exitCode: 0,
        stdout: expect.stringMatching(/^\d+\n$/),
      });
      expect((await shell(`kill -0 ${result.stdout.trim()}`)).result.exitCode).toBe(0);
    });
  });

  test("over the 1 MiB that a response holds: the first of it, and truncated", async () => {
    await withSession(async ({ shell }) => {
      const { result } = await shell("head -c 3000000 /dev/zero | tr '\\0' x; echo err >&2");
      expect(result).toMatchObject({ exitCode: 0, truncated: true, stderr: "err\n" });
      expect(result.stdout).toBe("x".repeat(1_048_576));
    });
  });
});

describe("many commands", () => {
  test("two sessions run beside each other", async () => {
    await withSession(async (one) => {
      await withSession(async (other) => {
        const commandId = randomUUID();
        const running = one.shell("echo begun; exec sleep 1000", { commandId, stream: true });
        await one.client.until(({ method }) => method === "execution.output");
        expect((await other.shell("echo done")).result.stdout).toBe("done\n");
        expect(await other.client.call("execution.status", { commandId })).toMatchObject({
          state: "running",
        });
        await one.client.call("session.close", { sessionId: one.sessionId });
        await running;
      });
    });
  });

  test("more than 64 open commands of a session are refused, those before are not touched", async () => {
    await withSession(async ({ client, sessionId, program }) => {
      const all = Array.from({ length: 65 }, () => program(sleep));
      const refusals = await failureOf(Promise.race(all));
      expect(refusals).toMatchObject({ data: { code: "LIMIT_EXCEEDED", fault: "caller" } });
      expect(refusals.message).toContain("64");
      await client.call("session.close", { sessionId });
      const settled = await Promise.allSettled(all);
      const answered = settled.flatMap((one) => (one.status === "fulfilled" ? [one.value.result.state] : []));
      expect(answered).toEqual(Array.from({ length: 64 }, () => "cancelled"));
    });
  });
});

describe("the same commandId again", () => {
  test("gives the same answer, and nothing runs twice", async () => {
    await withSession(async ({ shell }) => {
      const commandId = randomUUID();
      const first = await shell("echo run >> runs; cat runs; exit 5", { commandId });
      expect(first.result).toMatchObject({ exitCode: 5, stdout: "run\n" });
      expect(await shell("echo run >> runs; cat runs; exit 5", { commandId })).toEqual(first);
      expect((await shell("cat runs")).result.stdout).toBe("run\n");
    });
  });

  test("joins while it runs, with its output from the start, however it is delivered", async () => {
    await withSession(async ({ client, shell }) => {
      const commandId = randomUUID();
      const line = "echo one; sleep 1; echo two";
      const first = shell(line, { commandId, stream: true });
      await client.until(({ method }) => method === "execution.output");
      const joined = await shell(line, { commandId, timeoutMs: 60_000 });
      expect(joined.result).toMatchObject({ exitCode: 0, stdout: "one\ntwo\n" });
      expect(await first).toEqual(joined);
    });
  });

  test("with other content, or in another session: IDEMPOTENCY_CONFLICT", async () => {
    await withSession(async (one) => {
      await withSession(async (other) => {
        const commandId = randomUUID();
        await one.shell("echo 1", { commandId });
        for (const again of [
          () => one.shell("echo 2", { commandId }),
          () => other.shell("echo 1", { commandId }),
        ]) {
          const error = await failureOf(again());
          expect(error).toMatchObject({ data: { code: "IDEMPOTENCY_CONFLICT", fault: "caller" } });
          expect(error.message).toContain(commandId);
        }
      });
    });
  });

  test("the status of a command that nobody sent: COMMAND_NOT_FOUND", async () => {
    await withSession(async ({ client }) => {
      const error = await failureOf(client.call("execution.status", { commandId: randomUUID() }));
      expect(error).toMatchObject({ data: { code: "COMMAND_NOT_FOUND", fault: "caller" } });
    });
  });

  test("the status after the end is exactly execute's answer, with its times", async () => {
    await withSession(async ({ client, sessionId, shell }) => {
      const commandId = randomUUID();
      const answer = await shell("echo out; echo err >&2; exit 9", { commandId });
      const status = await client.call("execution.status", { commandId });
      expect(status).toMatchObject({ ...answer, sessionId, commandId, state: "exited", fault: "program" });
      expect(ProgramResult.parse(status.result)).toEqual(answer.result);
      const { queuedAt, startedAt = "", endedAt = "" } = status;
      expect([queuedAt, startedAt, endedAt]).toEqual([queuedAt, startedAt, endedAt].sort());
      expect(startedAt).not.toBe("");
    });
  });
});
