import { expect, test } from "vitest";
import { ProgramResult } from "../src/shared/protocol/executions.ts";
import type { Json } from "./support/client.ts";
import { type TestSession, withSession } from "./support/session.ts";
import { type Verdict, verdictOf } from "./support/verdict.ts";

/**
 * Each way in which a command can end while its worker and engine live, with all of its verdict. What ends with a
 * container, a worker or an engine is in test/fleet.
 */
const exited = {
  success: true,
  state: "exited",
  limit: undefined,
  signal: undefined,
  oomKills: 0,
  error: null,
};
const failed = { success: false, state: "failed", limit: undefined, signal: undefined, oomKills: 0 };
const cancelled = { success: false, state: "cancelled", fault: "caller", limit: undefined, oomKills: 0 };

/** A line of shell that needs more memory than the sessions here have. */
const HOG = "python3 -c 'x = b\"x\" * (1 << 30)'";
const killed = expect.toSatisfy((kills: unknown) => Number(kills) >= 1, "at least one OOM kill");
const memory = {
  ...failed,
  fault: "limit",
  limit: "memory",
  oomKills: killed,
  error: expect.stringMatching(/memory limit of 128 MB.*memoryLimitMB/),
};
const time = {
  ...failed,
  fault: "limit",
  limit: "time",
  exitCode: null,
  signal: "SIGKILL",
  error: expect.stringMatching(/limit of 1000 ms.*all that it had started.*timeoutMs/),
};

type Ways = [name: string, line: string, delivery: Json, verdict: Verdict][];

const codes: Ways = [1, 2, 126, 127, 137, 255].map((exitCode) => [
  `exit code ${exitCode}`,
  `exit ${exitCode}`,
  {},
  { ...exited, fault: "program", exitCode },
]);
const signals: Ways = ["SIGKILL", "SIGTERM", "SIGABRT", "SIGHUP"].map((signal) => [
  `${signal} from inside`,
  `kill -${signal.slice(3)} $$`,
  {},
  { ...exited, fault: "program", exitCode: null, signal },
]);
const ways: Ways = [
  ["exit code 0", "exit 0", {}, { ...exited, fault: "none", exitCode: 0 }],
  ...codes,
  ...signals,
  [
    "a segmentation fault",
    "exec python3 -c 'import ctypes; ctypes.string_at(0)'",
    {},
    { ...exited, fault: "program", exitCode: null, signal: "SIGSEGV" },
  ],
  [
    "its time limit, with grandchildren",
    "(setsid sleep 1000 &) ; sleep 1000 & wait",
    { timeoutMs: 1000 },
    time,
  ],
  ["its memory limit", `exec ${HOG}`, {}, { ...memory, exitCode: null, signal: "SIGKILL" }],
  [
    "a child over the memory limit, behind a shell with another code",
    `${HOG}; exit 3`,
    {},
    { ...memory, exitCode: 3 },
  ],
  [
    "a child over the memory limit that the program copes with",
    `${HOG} || true`,
    {},
    { ...exited, fault: "none", exitCode: 0, oomKills: killed },
  ],
  [
    "output over its limit",
    "seq 10000; exit 4",
    { maxOutputBytes: 100 },
    { ...exited, fault: "program", exitCode: 4 },
  ],
];

function withSmallSession(use: (session: TestSession) => Promise<void>): Promise<void> {
  return withSession(use, { memoryLimitMB: 128 });
}

test.each(ways)("%s", (_name, line, delivery, verdict) =>
  withSmallSession(async ({ shell }) => {
    const answer = await shell(line, delivery);
    expect(verdictOf(answer)).toEqual(verdict);
    expect(answer.result.truncated).toBe(delivery.maxOutputBytes !== undefined);
  }),
);

test("no such program", () =>
  withSmallSession(async ({ program }) => {
    expect(verdictOf(await program({ type: "execute_shell", commandName: "no-such-program" }))).toEqual({
      ...failed,
      fault: "caller",
      exitCode: null,
      error: expect.stringMatching(/no-such-program/),
    });
  }));

test("no space for a file command", () =>
  withSmallSession(async ({ shell, file }) => {
    await shell("head -c 1G /dev/zero > full");
    const answer = await file({ type: "write_file", path: "more", content: "x".repeat(100_000) });
    expect(verdictOf(answer)).toEqual({
      ...failed,
      fault: "limit",
      limit: "disk",
      exitCode: undefined,
      oomKills: undefined,
      error: expect.stringMatching(/no space left.*Delete files.*memoryLimitMB/i),
    });
  }));

/** One that runs and one that waits behind it. */
async function startTwo({ client, sessionId, shell }: TestSession) {
  const [runs, waits] = [`${sessionId}-runs`, `${sessionId}-waits`];
  const running = shell("echo begun; exec sleep 1000", { commandId: runs, stream: true });
  const queued = shell("touch ran", { commandId: waits });
  await client.until(({ method }) => method === "execution.output");
  return { runs, waits, running, queued };
}

test("cancelled while queued, and while running", () =>
  withSmallSession(async (session) => {
    const { runs, waits, running, queued } = await startTwo(session);
    for (const commandId of [waits, runs]) await session.client.call("execution.cancel", { commandId });
    expect(verdictOf(await queued)).toEqual({
      ...cancelled,
      exitCode: null,
      signal: undefined,
      error: "The command was cancelled before it started.",
    });
    expect(verdictOf(await running)).toEqual({
      ...cancelled,
      exitCode: null,
      signal: "SIGTERM",
      error: "The command was cancelled.",
    });
    expect((await session.shell("ls")).result.stdout).toBe("");
  }));

test("its session closed under it, running and queued", () =>
  withSmallSession(async (session) => {
    const { running, queued } = await startTwo(session);
    await session.client.call("session.close", { sessionId: session.sessionId });
    expect(verdictOf(await queued)).toEqual({
      ...cancelled,
      exitCode: null,
      signal: undefined,
      error: "The session was closed before the command started.",
    });
    expect(verdictOf(await running)).toEqual({
      ...cancelled,
      exitCode: null,
      signal: "SIGKILL",
      error: "The session ended: closed by the client.",
    });
  }));

test("queued too long: it expires and never runs", () =>
  withSmallSession(async (session) => {
    const first = session.shell("sleep 2");
    const late = await session.shell("touch ran", { queueTimeoutMs: 500 });
    expect(verdictOf(late)).toEqual({
      ...failed,
      state: "expired",
      fault: "infrastructure",
      exitCode: null,
      error: expect.stringMatching(/not started within queueTimeoutMs.*Send it again/),
    });
    await first;
    expect((await session.shell("ls")).result.stdout).toBe("");
    expect(ProgramResult.parse(late.result).stdout).toBe("");
  }));
