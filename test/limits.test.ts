import { describe, expect, test } from "vitest";
import type { Json } from "./support/client.ts";
import { type TestSession, withSession } from "./support/session.ts";

function python(code: string): Json {
  return { type: "execute_shell", commandName: "python3", args: ["-c", code] };
}

/** A program that needs 1 GiB, as a line of shell. */
const HOG = "python3 -c 'x = b\"x\" * (1 << 30)'";

async function expectAnswers({ shell, file }: TestSession): Promise<void> {
  const { result } = await shell("echo well; exit 4");
  expect(result).toMatchObject({
    state: "exited",
    fault: "program",
    exitCode: 4,
    stdout: "well\n",
    oomKills: 0,
  });
  expect(await file({ type: "write_file", path: "/tmp/well", content: "x" })).toMatchObject({
    success: true,
  });
}

/** How many processes run that have this in their command line. */
async function processesWith({ program }: TestSession, text: string): Promise<number> {
  const code = [
    "import glob, os",
    "def line(path):",
    "    try: return open(path, 'rb').read()",
    "    except OSError: return b''",
    `wanted = ${JSON.stringify(text)}.encode()`,
    "print(sum(wanted in line(p) for p in glob.glob('/proc/[0-9]*/cmdline') if f'/{os.getpid()}/' not in p))",
  ].join("\n");
  const { result } = await program(python(code));
  return Number(result.stdout);
}

describe("time", () => {
  const timedOut = {
    success: false,
    error: expect.stringMatching(/1500 ms.*timeoutMs/),
    result: { state: "failed", fault: "limit", limit: "time", exitCode: null, signal: "SIGKILL" },
  };

  test("a program that never ends; what it printed is kept", () =>
    withSession(async (session) => {
      const answer = await session.shell("echo begun; echo err >&2; while :; do :; done", {
        timeoutMs: 1500,
      });
      expect(answer).toMatchObject(timedOut);
      expect(answer.result).toMatchObject({ stdout: "begun\n", stderr: "err\n" });
      expect(answer.result.wallMs).toBeGreaterThanOrEqual(1500);
      await expectAnswers(session);
    }));

  test("one that ignores signals", () =>
    withSession(async (session) => {
      const answer = await session.shell("trap '' TERM INT HUP; while :; do sleep 1; done", {
        timeoutMs: 1500,
      });
      expect(answer).toMatchObject(timedOut);
      await expectAnswers(session);
    }));

  test("all that it started ends with it: children, those in sessions of their own, double forks, stopped ones", () =>
    withSession(async (session) => {
      const line = [
        "sleep 31337 &",
        "setsid sleep 31337 &",
        "setsid setsid bash -c 'sleep 31337 & sleep 31337' > /dev/null 2>&1 &",
        "(setsid nohup sleep 31337 > /dev/null 2>&1 &)",
        "sleep 31337 & kill -STOP $!",
        "sleep 31337",
      ].join("\n");
      expect(await session.shell(line, { timeoutMs: 1500 })).toMatchObject(timedOut);
      expect(await processesWith(session, "31337")).toBe(0);
      await expectAnswers(session);
    }));

  test("and nothing else does: what an earlier command left in the background lives on", () =>
    withSession(async (session) => {
      await session.shell("sleep 31337 > /dev/null 2>&1 &");
      expect(await session.shell("sleep 1000", { timeoutMs: 1500 })).toMatchObject(timedOut);
      expect(await processesWith(session, "31337")).toBe(1);
    }));
});

describe("output", () => {
  test("a program that writes for ever ends at its deadline, its first output kept", () =>
    withSession(async (session) => {
      const answer = await session.shell("yes", { timeoutMs: 3000, maxOutputBytes: 100_000 });
      expect(answer).toMatchObject({
        success: false,
        result: {
          state: "failed",
          fault: "limit",
          limit: "time",
          truncated: true,
          stdout: "y\n".repeat(50_000),
        },
      });
      await expectAnswers(session);
    }));
});

describe("memory", () => {
  const outOfMemory = {
    success: false,
    error: expect.stringMatching(/128 MB.*memoryLimitMB/),
    result: { state: "failed", fault: "limit", limit: "memory" },
  };

  function withSmallSession(use: (session: TestSession) => Promise<void>): Promise<void> {
    return withSession(use, { memoryLimitMB: 128 });
  }

  test("a program that eats it", () =>
    withSmallSession(async (session) => {
      const answer = await session.program(python("print('begun', flush=True)\nx = b'x' * (1 << 30)"));
      expect(answer).toMatchObject(outOfMemory);
      expect(answer.result).toMatchObject({ exitCode: null, signal: "SIGKILL", stdout: "begun\n" });
      expect(answer.result.oomKills).toBeGreaterThanOrEqual(1);
      expect(answer.result.peakMemoryBytes).toBeGreaterThan(64 * 1_048_576);
      await expectAnswers(session);
    }));

  test("a child that does, behind a shell with an exit code of its own", () =>
    withSmallSession(async (session) => {
      const answer = await session.shell(`${HOG}; exit 3`);
      expect(answer).toMatchObject(outOfMemory);
      expect(answer.result).toMatchObject({ exitCode: 3 });
      expect(answer.result).not.toHaveProperty("signal");
      await expectAnswers(session);
    }));

  test("a child that does, and the program copes: no failure, but counted", () =>
    withSmallSession(async (session) => {
      const answer = await session.shell(`${HOG} || echo coped`);
      expect(answer).toMatchObject({
        success: true,
        error: null,
        result: { state: "exited", fault: "none", exitCode: 0, stdout: "coped\n" },
      });
      expect(answer.result.oomKills).toBeGreaterThanOrEqual(1);
      expect(answer.result).not.toHaveProperty("limit");
      await expectAnswers(session);
    }));

  test("in execute_code, too", () =>
    withSmallSession(async (session) => {
      const answer = await session.program({ type: "execute_code", code: "x = b'x' * (1 << 30)" });
      expect(answer).toMatchObject(outOfMemory);
      await expectAnswers(session);
    }));
});

describe("processes, threads and files", () => {
  test("a fork bomb ends at its deadline, all of it", () =>
    withSession(async (session) => {
      const bomb = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass  # 31337";
      const answer = await session.program(python(bomb), { timeoutMs: 3000 });
      expect(answer).toMatchObject({
        success: false,
        error: expect.stringContaining("3000 ms"),
        result: { state: "failed", fault: "limit", limit: "time", exitCode: null },
      });
      expect(await processesWith(session, "31337")).toBe(0);
      await expectAnswers(session);
    }));

  test("one whose leader ends leaves a session in which files can be read and that can be closed", () =>
    withSession(async ({ shell, file }) => {
      await file({ type: "write_file", path: "kept", content: "kept" });
      const bomb = await shell("bomb() { bomb | bomb & }; bomb 2> /dev/null; exit 6");
      expect(bomb.result).toMatchObject({ state: "exited", fault: "program", exitCode: 6 });
      expect((await file({ type: "read_file", path: "kept" })).result.content).toBe("kept");
    }));

  test("a thread bomb is told by the operating system, and is the program's to report", () =>
    withSession(async (session) => {
      const code = [
        "import threading, time",
        "while True: threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()",
      ].join("\n");
      const answer = await session.program(python(code), { timeoutMs: 60_000 });
      expect(answer).toMatchObject({
        success: true,
        error: null,
        result: {
          state: "exited",
          fault: "program",
          exitCode: 1,
          stderr: expect.stringContaining("can't start new thread"),
        },
      });
      await expectAnswers(session);
    }));

  test("too many open files", () =>
    withSession(async (session) => {
      const answer = await session.program(python("import os\nwhile True: os.open('/dev/null', 0)"));
      expect(answer).toMatchObject({
        success: true,
        result: {
          state: "exited",
          fault: "program",
          exitCode: 1,
          stderr: expect.stringContaining("Too many open files"),
        },
      });
      await expectAnswers(session);
    }));

  test("too many files", () =>
    withSession(async (session) => {
      const code = "n = 0\nwhile True:\n    open(f'f{n}', 'w').close()\n    n += 1";
      const answer = await session.program(python(code));
      expect(answer).toMatchObject({
        success: true,
        result: {
          state: "exited",
          fault: "program",
          exitCode: 1,
          stderr: expect.stringContaining("No space left"),
        },
      });
      await expectAnswers(session);
    }));

  test("a full disk is the program's to report", () =>
    withSession(async (session) => {
      const answer = await session.shell("head -c 4G /dev/zero > full || exit 9");
      expect(answer).toMatchObject({
        success: true,
        error: null,
        result: {
          state: "exited",
          fault: "program",
          exitCode: 9,
          stderr: expect.stringContaining("No space left"),
        },
      });
      expect(answer.result).not.toHaveProperty("limit");
      await session.shell("rm full");
      await expectAnswers(session);
      expect((await session.shell("head -c 100M /dev/zero > again")).result.exitCode).toBe(0);
    }));
});
