import { describe, expect, test } from "vitest";
import { connect } from "./support/client.ts";
import type { Json } from "./support/json.ts";
import { newId, openSession, outputOf, sharedSession, untilEnded } from "./support/session.ts";

const session = sharedSession({ memoryLimitMB: 64 });

const shell = (line: string) => ({ type: "execute_shell", commandName: "sh", args: ["-c", line] });
const python = (code: string) => ({ type: "execute_shell", commandName: "python3", args: ["-c", code] });
const HOG = "x = []\nwhile True: x.append(bytearray(4_000_000))";

/** The command, how it is delivered, the verdict; `error` only where it did not end by itself. */
const ways: [string, Json, Json, Json][] = [
  ["exit code 0", shell("exit 0"), {}, { state: "exited", fault: "none", exitCode: 0 }],
  ["another exit code", shell("exit 137"), {}, { state: "exited", fault: "program", exitCode: 137 }],
  [
    "a signal to itself",
    shell("kill -9 $$"),
    {},
    { state: "exited", fault: "program", exitCode: null, signal: "SIGKILL" },
  ],
  [
    "a segmentation fault",
    python("import ctypes; ctypes.string_at(0)"),
    {},
    { state: "exited", fault: "program", exitCode: null, signal: "SIGSEGV" },
  ],
  [
    "no such program",
    { type: "execute_shell", commandName: "no-such-program" },
    {},
    { state: "failed", fault: "caller", exitCode: null },
  ],
  [
    "no right to run it",
    { type: "execute_shell", commandName: "/etc/passwd" },
    {},
    { state: "failed", fault: "caller", exitCode: null },
  ],
  [
    "no such folder",
    { ...shell("true"), workingDirectory: "/nowhere" },
    {},
    { state: "failed", fault: "caller", exitCode: null },
  ],
  [
    "over its time, with what it started",
    shell("setsid sleep 1000 & sleep 1000"),
    { timeoutMs: 500 },
    { state: "failed", fault: "limit", limit: "time", exitCode: null },
  ],
  ["over its memory", python(HOG), {}, { state: "failed", fault: "limit", limit: "memory" }],
  [
    "a child over its memory, behind a shell with a code of its own",
    { ...shell('python3 -c "$HOG"; exit 3'), env: { HOG } },
    {},
    { state: "failed", fault: "limit", limit: "memory", exitCode: 3 },
  ],
  [
    "a child over its memory that the program copes with",
    { ...shell('python3 -c "$HOG"; exit 0'), env: { HOG } },
    {},
    { state: "exited", fault: "none", exitCode: 0 },
  ],
  [
    "a file command that is refused",
    { type: "read_file", path: "none" },
    {},
    { state: "failed", fault: "caller" },
  ],
];

describe("how a command ended", () => {
  test.each(ways)("%s", async (_what, command, delivery, verdict) => {
    const commandId = newId();
    const answer = await session().execute(command, { commandId, ...delivery });
    const byItself = verdict.state === "exited";
    expect(answer).toMatchObject({
      success: byItself,
      error: byItself ? null : expect.stringMatching(/\w+ \w+/),
      result: { commandId, ...verdict },
    });
    if (verdict.limit === undefined) expect(answer).not.toHaveProperty("result.limit");
    if (verdict.signal === undefined && byItself) expect(answer).not.toHaveProperty("result.signal");
    expect(await session().client.call("execution.status", { commandId })).toMatchObject({
      state: verdict.state,
      fault: verdict.fault,
      ...Object(answer),
    });
  });

  test("what the kernel killed for memory is counted, also where the program copes", async () => {
    const answer = await session().execute({ ...shell('python3 -c "$HOG"; true'), env: { HOG } });
    expect(Number(Object(answer).result.oomKills)).toBeGreaterThan(0);
  });

  test("a file command without space: the limit is the disk", async () => {
    await session().shell("head -c 100000000 /dev/zero > full 2>/dev/null; true");
    const answer = await session().execute({
      type: "write_file",
      path: "more",
      content: "x".repeat(100_000),
    });
    await session().shell("rm -f full more");
    expect(answer).toMatchObject({
      success: false,
      error: expect.stringMatching(/no space/i),
      result: { state: "failed", fault: "limit", limit: "disk" },
    });
  });

  test("queued for too long: expired, and never run", async () => {
    const first = session().shell("sleep 3");
    const late = await session().shell("touch was-late", { queueTimeoutMs: 300 });
    expect(late).toMatchObject({
      success: false,
      error: expect.stringMatching(/queueTimeoutMs/),
      result: { state: "expired", fault: "infrastructure", exitCode: null },
    });
    await first;
    expect(await session().shell("ls was-late")).not.toMatchObject({ result: { exitCode: 0 } });
  });
});

test("its session closed under it: cancelled; and every result outlives the session", async () => {
  const closing = await openSession();
  const [before, running, queued] = [newId(), newId(), newId()];
  await closing.shell("echo kept; exit 4", { commandId: before });
  const other = await connect();
  const answers = [
    closing.shell("echo partly; sleep 1000", { commandId: running, stream: true }),
    closing.shell("echo never", { commandId: queued }),
  ];
  await closing.client.until(
    (method, { commandId }) => method === "execution.output" && commandId === running,
  );
  await other.call("session.close", { sessionId: closing.sessionId });
  const [cut, never] = await Promise.all(answers);
  expect(cut).toMatchObject({
    success: false,
    error: expect.stringMatching(/closed|ended/),
    result: { state: "cancelled", fault: "caller", stdout: "partly\n" },
  });
  expect(never).toMatchObject({
    success: false,
    result: { state: "cancelled", fault: "caller", exitCode: null, stdout: "" },
  });
  await closing.client.close();

  expect(await other.call("execution.status", { commandId: before })).toMatchObject({
    sessionId: closing.sessionId,
    state: "exited",
    fault: "program",
    success: true,
    result: { exitCode: 4, stdout: "kept\n" },
  });
  expect(await other.call("execution.status", { commandId: running })).toMatchObject({ state: "cancelled" });
  await other.call("execution.attach", { commandId: before });
  expect(await untilEnded(other, before)).toMatchObject({ state: "exited", exitCode: 4 });
  expect(outputOf(other, before).toString()).toBe("kept\n");
  await other.close();
});
