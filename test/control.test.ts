import { describe, expect, test } from "vitest";
import { ExecutionStatusResult, ProgramResult } from "../src/shared/protocol/executions.ts";
import { failureOf } from "./support/client.ts";
import { streamed, type TestSession, withSession } from "./support/session.ts";

const ASK = [
  "name = input('name? ')",
  "print('hello', name)",
  "import sys",
  "print('rest:', repr(sys.stdin.read()))",
].join("\n");

function python(code: string, more: object = {}) {
  return { type: "execute_shell", commandName: "python3", args: ["-c", code], ...more };
}

/** Resolves when the output of a command that was sent with `stream` holds this text. */
async function untilOutput({ client }: TestSession, commandId: string, text: string | RegExp): Promise<void> {
  await client.until(({ method }) => {
    if (method !== "execution.output") return false;
    const output = streamed(client.notifications, commandId).toString();
    return typeof text === "string" ? output.includes(text) : text.test(output);
  });
}

/** The end of a command, whoever waits for it. */
async function untilEnded({ client }: TestSession, commandId: string) {
  await client.call("execution.attach", { commandId });
  await client.until(({ method, params }) => method === "execution.ended" && params.commandId === commandId);
  return ExecutionStatusResult.parse(await client.call("execution.status", { commandId }));
}

describe("input", () => {
  test("a program that asks a question gets the answer, and the end of the file", () =>
    withSession(async (session) => {
      const { client, program } = session;
      const running = program(python(ASK, { keepStdinOpen: true }), { commandId: "ask", stream: true });
      await untilOutput(session, "ask", "name? ");
      expect(await client.call("execution.input", { commandId: "ask", data: "Ada\n" })).toEqual({
        commandId: "ask",
        inputOffset: 4,
      });
      await untilOutput(session, "ask", "hello Ada");
      await client.call("execution.input", { commandId: "ask", data: "b\nc", eof: true });
      expect((await running).result).toMatchObject({
        exitCode: 0,
        stdout: "name? hello Ada\nrest: 'b\\nc'\n",
      });
    }));

  test("stdin that came with the command is read first", () =>
    withSession(async ({ client, program }) => {
      const running = program(python(ASK, { stdin: "Bob\nx", keepStdinOpen: true }), { commandId: "first" });
      await client.call("execution.input", { commandId: "first", data: "y", eof: true });
      expect((await running).result.stdout).toBe("name? hello Bob\nrest: 'xy'\n");
    }));

  test("before the command has started, too, and in pieces larger than a frame", () =>
    withSession(async ({ client, program, shell }) => {
      const first = shell("sleep 1");
      const count =
        "import sys, hashlib; d = sys.stdin.buffer.read(); print(len(d), hashlib.sha256(d).hexdigest()[:8])";
      const waiting = program(python(count, { keepStdinOpen: true }), { commandId: "early" });
      const piece = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251));
      for (let i = 0; i < 5; i++) {
        await client.call("execution.input", {
          commandId: "early",
          data: piece.toString("base64"),
          encoding: "base64",
        });
      }
      await client.call("execution.input", { commandId: "early", eof: true });
      await first;
      const { createHash } = await import("node:crypto");
      const whole = Buffer.concat([piece, piece, piece, piece, piece]);
      const digest = createHash("sha256").update(whole).digest("hex").slice(0, 8);
      expect((await waiting).result.stdout).toBe(`500000 ${digest}\n`);
    }));

  test("a repeat at the same offset adds nothing; another offset says where the input ends", () =>
    withSession(async ({ client, program }) => {
      const running = program(python(ASK, { keepStdinOpen: true }), { commandId: "twice" });
      for (let i = 0; i < 3; i++) {
        await client.call("execution.input", { commandId: "twice", offset: 0, data: "Eve\n" });
      }
      const wrong = await failureOf(
        client.call("execution.input", { commandId: "twice", offset: 99, data: "x" }),
      );
      expect(wrong.data?.issues).toEqual([{ path: "offset", reason: expect.stringContaining("4") }]);
      await client.call("execution.input", { commandId: "twice", eof: true });
      expect((await running).result.stdout).toBe("name? hello Eve\nrest: ''\n");
    }));

  test("more than 1 MiB that the program does not read is refused, and nothing of it taken", () =>
    withSession(async ({ client, program }) => {
      const running = program(python("import time; time.sleep(30)", { keepStdinOpen: true }), {
        commandId: "full",
      });
      const data = "x".repeat(600_000);
      await client.call("execution.input", { commandId: "full", data });
      const failure = await failureOf(client.call("execution.input", { commandId: "full", data }));
      expect(failure.data?.code).toBe("LIMIT_EXCEEDED");
      await client.call("execution.cancel", { commandId: "full", signal: "SIGKILL" });
      expect((await running).result.state).toBe("cancelled");
    }));

  test("to a command whose stdin is closed, or that has ended, or that is unknown: a clear error", () =>
    withSession(async ({ client, program, shell }) => {
      const closed = shell("sleep 2", { commandId: "closed" });
      expect(
        (await failureOf(client.call("execution.input", { commandId: "closed", data: "x" }))).message,
      ).toContain("keepStdinOpen");
      await closed;
      await program(python("", { keepStdinOpen: true }), { commandId: "over" });
      expect(
        (await failureOf(client.call("execution.input", { commandId: "over", data: "x" }))).data?.code,
      ).toBe("COMMAND_ENDED");
      expect(
        (await failureOf(client.call("execution.input", { commandId: "none", data: "x" }))).data?.code,
      ).toBe("COMMAND_NOT_FOUND");
    }));
});

describe("a terminal", () => {
  test("an interactive bash is usable, and its size can change", () =>
    withSession(async (session) => {
      const { client, program } = session;
      const running = program(
        {
          type: "execute_shell",
          commandName: "bash",
          args: ["--norc"],
          pty: { columns: 90, rows: 30 },
          env: { PS1: "$ " },
        },
        { commandId: "bash", stream: true },
      );
      const type = (data: string) => client.call("execution.input", { commandId: "bash", data });
      await untilOutput(session, "bash", "$ ");
      await type("stty size; tty\r");
      await untilOutput(session, "bash", "30 90\r\n/dev/pts/");
      await client.call("execution.resize", { commandId: "bash", columns: 120, rows: 40 });
      await type("stty size\r");
      await untilOutput(session, "bash", "40 120\r\n");
      // Each key once the program is there to see it: ^C throws away what was typed ahead of it.
      await type("echo begun; sleep 100\r");
      await untilOutput(session, "bash", "begun\r\n");
      await type("\x03");
      await untilOutput(session, "bash", /\^C[^$]*\$ $/);
      await type("echo $((6*7))\r");
      await untilOutput(session, "bash", "42\r\n");
      await type("exit 5\r");
      expect((await running).result).toMatchObject({ state: "exited", exitCode: 5, stderr: "" });
    }));

  test("an interactive python3", () =>
    withSession(async (session) => {
      const { client, program } = session;
      const running = program(
        {
          type: "execute_shell",
          commandName: "python3",
          pty: true,
          env: { TERM: "dumb", PYTHON_BASIC_REPL: "1" },
        },
        { commandId: "repl", stream: true },
      );
      await untilOutput(session, "repl", ">>> ");
      await client.call("execution.input", { commandId: "repl", data: "6*7\r" });
      await untilOutput(session, "repl", "42\r\n");
      await client.call("execution.input", { commandId: "repl", eof: true });
      expect((await running).result).toMatchObject({ state: "exited", exitCode: 0 });
    }));

  test("a command without one has no size", () =>
    withSession(async ({ client, shell }) => {
      const running = shell("sleep 1", { commandId: "plain" });
      const failure = await failureOf(
        client.call("execution.resize", { commandId: "plain", columns: 80, rows: 24 }),
      );
      expect(failure.message).toContain("pty");
      await running;
    }));
});

describe("cancel", () => {
  test("SIGTERM to the whole group, grandchildren that left it included", () =>
    withSession(async (session) => {
      const { client, shell } = session;
      const running = shell("setsid sleep 1000 & (sleep 1000 &) ; echo ready; sleep 1000", {
        commandId: "family",
        stream: true,
      });
      await untilOutput(session, "family", "ready");
      expect(await client.call("execution.cancel", { commandId: "family" })).toEqual({
        commandId: "family",
        state: "running",
      });
      const answer = await running;
      expect(answer).toMatchObject({ success: false, error: "The command was cancelled." });
      expect(answer.result).toMatchObject({
        state: "cancelled",
        fault: "caller",
        exitCode: null,
        signal: "SIGTERM",
      });
      const left = await shell("cat /proc/*/cmdline | tr '\\0' ' ' | grep -o '[s]leep 1000'; exit 0");
      expect(left.result.stdout).toBe("");
    }));

  test("a program that ignores the signal is killed after the grace period", () =>
    withSession(async (session) => {
      const running = session.shell("trap '' TERM; echo ready; while true; do sleep 0.1; done", {
        commandId: "stubborn",
        stream: true,
      });
      await untilOutput(session, "stubborn", "ready");
      await session.client.call("execution.cancel", { commandId: "stubborn", graceMs: 300 });
      expect((await running).result).toMatchObject({
        state: "cancelled",
        fault: "caller",
        signal: "SIGKILL",
      });
    }));

  test("a signal that the program understands: it ends in its own way, and is cancelled all the same", () =>
    withSession(async (session) => {
      const running = session.shell(
        "trap 'echo bye; exit 9' INT; echo ready; while true; do sleep 0.1; done",
        {
          commandId: "polite",
          stream: true,
        },
      );
      await untilOutput(session, "polite", "ready");
      await session.client.call("execution.cancel", { commandId: "polite", signal: "SIGINT" });
      expect((await running).result).toMatchObject({
        state: "cancelled",
        exitCode: 9,
        stdout: "ready\nbye\n",
      });
    }));

  test("a queued command never runs; one that has ended stays as it ended", () =>
    withSession(async ({ client, shell }) => {
      const first = shell("sleep 1; ls", { commandId: "runs-first" });
      const second = shell("touch ran", { commandId: "never-runs" });
      expect(await client.call("execution.cancel", { commandId: "never-runs" })).toMatchObject({
        state: "queued",
      });
      expect(await second).toMatchObject({
        success: false,
        result: { state: "cancelled", fault: "caller", exitCode: null },
      });
      expect((await first).result.stdout).toBe("");
      expect(await client.call("execution.cancel", { commandId: "runs-first" })).toMatchObject({
        state: "exited",
      });
      expect((await shell("ls")).result.stdout).toBe("");
      expect((await failureOf(client.call("execution.cancel", { commandId: "none" }))).data?.code).toBe(
        "COMMAND_NOT_FOUND",
      );
    }));
});

describe("in the background", () => {
  test("a web server keeps running while foreground commands come and go, until it is cancelled", () =>
    withSession(async (session) => {
      const { client, sessionId, shell } = session;
      const started = await client.call("session.execute", {
        sessionId,
        commandId: "server",
        background: true,
        stream: true,
        command: { type: "execute_shell", commandName: "python3", args: ["-u", "-m", "http.server", "8000"] },
      });
      expect(started).toMatchObject({
        success: true,
        result: { commandId: "server", sessionId, state: "queued" },
        error: null,
      });
      await untilOutput(session, "server", "Serving HTTP");
      for (const _ of [1, 2]) {
        const fetched = await shell(
          "python3 -c \"import urllib.request as u; print(u.urlopen('http://127.0.0.1:8000/').status)\"",
        );
        expect(fetched.result.stdout).toBe("200\n");
      }
      expect(await client.call("execution.status", { commandId: "server" })).toMatchObject({
        state: "running",
      });
      await client.call("execution.cancel", { commandId: "server" });
      expect(await untilEnded(session, "server")).toMatchObject({ state: "cancelled", fault: "caller" });
    }));

  test("its output is kept from its end, and its result can be read", () =>
    withSession(async (session) => {
      const { client, sessionId } = session;
      await client.call("session.execute", {
        sessionId,
        commandId: "job",
        background: true,
        maxOutputBytes: 10,
        command: {
          type: "execute_shell",
          commandName: "bash",
          args: ["-c", "for i in {1..9}; do echo $i$i; done; exit 4"],
        },
      });
      const status = await untilEnded(session, "job");
      expect(ProgramResult.parse(status.result)).toMatchObject({
        state: "exited",
        exitCode: 4,
        truncated: true,
      });
      expect(ProgramResult.parse(status.result).stdout).toMatch(/99\n$/);
    }));

  test("closing the session ends it", () =>
    withSession(async (session) => {
      const { client, sessionId } = session;
      await client.call("session.execute", {
        sessionId,
        commandId: "left",
        background: true,
        command: { type: "execute_shell", commandName: "sleep", args: ["1000"] },
      });
      await client.call("session.close", { sessionId });
      expect(await untilEnded(session, "left")).toMatchObject({ state: "cancelled", fault: "caller" });
    }));
});

test("execution.run with wait: false answers at once; status and attach follow it", () =>
  withSession(async (session) => {
    const { client } = session;
    const started = await client.call("execution.run", {
      language: "python",
      code: "print(6 * 7)",
      commandId: "run-beside",
      wait: false,
    });
    expect(started).toMatchObject({ success: true, result: { commandId: "run-beside", state: "queued" } });
    const status = await untilEnded(session, "run-beside");
    expect(ProgramResult.parse(status.result)).toMatchObject({ state: "exited", stdout: "42\n" });
  }));
