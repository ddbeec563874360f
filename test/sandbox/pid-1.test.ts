import { describe, expect, test } from "vitest";
import { type TestSession, withSession } from "../support/session.ts";

/** After whatever a program did, the session runs the next command truthfully. */
async function expectSessionWorks({ shell, file }: TestSession): Promise<void> {
  // What the attack left in the background may hold all the processes that there are: it is the caller's to end.
  const cleared = await shell("kill -9 -1; exit 0", { timeoutMs: 30_000 });
  expect(["exited", "failed"]).toContain(cleared.result.state);
  const answer = await shell("echo alive; exit 3");
  expect(answer.result).toMatchObject({ state: "exited", fault: "program", exitCode: 3, stdout: "alive\n" });
  const written = await file({ type: "write_file", path: "after", content: "x" });
  expect(written).toMatchObject({ success: true, result: { bytes: 1, state: "exited" } });
}

function python(code: string) {
  return { type: "execute_shell", commandName: "python3", args: ["-c", code] };
}

describe("PID 1 is out of reach of what it runs", () => {
  test("prlimit on PID 1 is refused", () =>
    withSession(async (session) => {
      const { result } = await session.program(
        python(
          [
            "import resource",
            "for name in ('RLIMIT_CPU', 'RLIMIT_DATA', 'RLIMIT_NOFILE', 'RLIMIT_NPROC', 'RLIMIT_AS'):",
            "    try:",
            "        resource.prlimit(1, getattr(resource, name), (0, 0)); print(name, 'SET')",
            "    except PermissionError: print(name, 'refused')",
          ].join("\n"),
        ),
      );
      expect(result.stdout).not.toContain("SET");
      expect(result.stdout.match(/refused/g)).toHaveLength(5);
      await expectSessionWorks(session);
    }));

  test("signals to PID 1, queued ones that Go takes for faults among them, are refused", () =>
    withSession(async (session) => {
      const { result } = await session.program(
        python(
          [
            "import ctypes, errno, signal",
            "libc = ctypes.CDLL(None, use_errno=True)",
            "for number in (4, 5, 7, 8, 11, 16, 31, 9, 15, 19):",
            "    for send in (lambda: libc.sigqueue(1, number, None), lambda: libc.kill(1, number)):",
            "        print(errno.errorcode[ctypes.get_errno()] if send() else 'SENT')",
          ].join("\n"),
        ),
      );
      expect(new Set(result.stdout.trim().split("\n"))).toEqual(new Set(["EPERM"]));
      await expectSessionWorks(session);
    }));

  test("nothing of PID 1 can be read or changed: memory, environment, priority, affinity, oom score", () =>
    withSession(async (session) => {
      const { result } = await session.shell(
        [
          "cat /proc/1/environ && echo READ",
          "cat /proc/1/maps && echo READ",
          "ls /proc/1/fd && echo READ",
          "renice -n 19 -p 1 && echo CHANGED",
          "echo 1000 > /proc/1/oom_score_adj && echo CHANGED",
          "python3 -c 'import os; os.sched_setaffinity(1, {0})' && echo CHANGED",
          "python3 -c 'import os; os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))' && echo CHANGED",
          "ls -l /run/codebeaker; touch /run/codebeaker/x && echo CHANGED",
          "true",
        ].join("\n"),
      );
      expect(result.stdout).not.toMatch(/READ|CHANGED/);
      expect(result.exitCode).toBe(0);
      await expectSessionWorks(session);
    }));

  test("a fork bomb", () =>
    withSession(async (session) => {
      const { result } = await session.shell("bomb() { bomb | bomb & }; bomb; sleep 2; exit 0", {
        timeoutMs: 8000,
      });
      expect(["exited", "failed"]).toContain(result.state);
      await expectSessionWorks(session);
    }));

  test("a fork bomb that never ends stops at its deadline, all of it", () =>
    withSession(async (session) => {
      const bomb = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass";
      const { result } = await session.program(python(bomb), { timeoutMs: 3000 });
      expect(result).toMatchObject({ state: "failed", fault: "limit", limit: "time" });
      const left = await session.shell("pgrep -c python3 || ls /proc | grep -c '^[0-9]'; exit 0");
      expect(Number(left.result.stdout.trim().split("\n").at(-1))).toBeLessThan(10);
      await expectSessionWorks(session);
    }));

  test("a thread bomb", () =>
    withSession(async (session) => {
      const code = [
        "import threading, time",
        "made = 0",
        "try:",
        "    while True: threading.Thread(target=time.sleep, args=(60,), daemon=True).start(); made += 1",
        "except RuntimeError: print(made)",
        "import os; os._exit(0)",
      ].join("\n");
      const { result } = await session.program(python(code), { timeoutMs: 20_000 });
      expect(result).toMatchObject({ state: "exited", fault: "none" });
      expect(Number(result.stdout)).toBeLessThan(256);
      await expectSessionWorks(session);
    }));

  test("many small memory hogs: the kernel kills them, not the agent", () =>
    withSession(
      async (session) => {
        const code = [
          "import os, time",
          "for _ in range(100):",
          "    if os.fork() == 0:",
          "        held = []",
          "        while True: held.append(bytearray(os.urandom(65536)) * 8); time.sleep(0.01)",
          "os.wait(); time.sleep(2); os._exit(5)",
        ].join("\n");
        const { result } = await session.program(python(code), { timeoutMs: 30_000 });
        expect(result).toMatchObject({ state: "failed", fault: "limit" });
        expect(result.oomKills).toBeGreaterThan(0);
        await expectSessionWorks(session);
      },
      { memoryLimitMB: 128 },
    ));

  test("memory that nobody owns: every tmpfs and SysV segment filled", () =>
    withSession(
      async (session) => {
        const code = [
          "import ctypes, os",
          "libc = ctypes.CDLL(None, use_errno=True)",
          "libc.shmat.restype = ctypes.c_void_p",
          "for folder in ('/workspace', '/tmp', '/dev/shm'):",
          "    try:",
          "        with open(folder + '/full', 'wb', buffering=0) as f:",
          "            while True: f.write(b'x' * 1048576)",
          "    except OSError as error: print(error.errno)",
          "for _ in range(64):",
          "    segment = libc.shmget(0, 1048576, 0o1600)",
          "    if segment < 0: break",
          "    ctypes.memset(libc.shmat(segment, None, 0), 1, 1048576)",
        ].join("\n");
        const { result } = await session.program(python(code), { timeoutMs: 60_000 });
        expect(result.state).toMatch(/^(exited|failed)$/);
        await session.shell("rm -f /workspace/full /tmp/full /dev/shm/full; ipcrm -a; exit 0");
        await expectSessionWorks(session);
      },
      { memoryLimitMB: 128 },
    ));

  test("a storm of SIGSTOP to everybody", () =>
    withSession(async (session) => {
      const storm =
        "import os, signal\nif os.fork() == 0:\n    os.setsid()\n    while True:\n        try: os.kill(-1, signal.SIGSTOP)\n        except OSError: pass";
      await session.program(python(storm), { timeoutMs: 5000 });
      // The storm goes on in the background: each next command is stopped, or never gets to run, until its deadline.
      const stormed = await session.shell("echo through", { timeoutMs: 4000 });
      expect(stormed.result.state).toMatch(/^(exited|failed)$/);
      const { result } = await session.program(
        python("import os, signal\nfor p in os.listdir('/proc'):\n    pass\nos.kill(-1, signal.SIGKILL)"),
        { timeoutMs: 4000 },
      );
      expect(result.state).toMatch(/^(exited|failed)$/);
    }));
});
