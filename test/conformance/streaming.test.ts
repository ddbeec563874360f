import { describe, expect, test } from "vitest";
import { connect, errorOf } from "./support/client.ts";
import { numberAt } from "./support/json.ts";
import { about, newId, outputOf, sharedSession, untilEnded, untilOutput } from "./support/session.ts";

const session = sharedSession();

/** Prints 0 to 7, one line at a time, and ends with code 7. */
const COUNT = [
  "import os, sys, time",
  "for i in range(8):",
  "    os.write(1, b'%d\\n' % i)",
  "    time.sleep(0.25)",
  "sys.exit(7)",
].join("\n");
const COUNTED = "0\n1\n2\n3\n4\n5\n6\n7\n";

const sequence = (...args: Parameters<typeof about>) =>
  about(...args).map((output) => numberAt(output, "seq"));

describe("stream: true", () => {
  test("started, output with numbers from 1, ended, and then the answer", async () => {
    const commandId = newId();
    const { client, sessionId } = session();
    const answer = await session().python(COUNT, { commandId, stream: true });
    expect(answer).toMatchObject({ result: { exitCode: 7, stdout: COUNTED } });
    const mine = client.notifications.filter(
      ({ params }) => Object(params).commandId === commandId && Object(params).sessionId === sessionId,
    );
    expect(mine.map(({ method }) => method)).toEqual([
      "execution.started",
      ...Array(8).fill("execution.output"),
      "execution.ended",
    ]);
    expect(sequence(client, "execution.output", commandId)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(outputOf(client, commandId, "stdout").toString()).toBe(COUNTED);
    expect(about(client, "execution.ended", commandId)).toEqual([
      expect.objectContaining({ state: "exited", fault: "program", exitCode: 7 }),
    ]);
  });

  test("stdout and stderr in the order written, bytes that are no UTF-8 exactly", async () => {
    const commandId = newId();
    const code = "import os; os.write(1, b'a'); os.write(2, b'b'); os.write(1, bytes([0xff, 0, 0xc3]))";
    const answer = await session().python(code, { commandId, stream: true });
    expect(answer).toMatchObject({ result: { stdout: "a\ufffd\0\ufffd", stderr: "b", lossy: true } });
    expect(outputOf(session().client, commandId, "stdout")).toEqual(Buffer.from([0x61, 0xff, 0, 0xc3]));
    expect(outputOf(session().client, commandId, "stderr").toString()).toBe("b");
  });

  test("text is never cut inside a character", async () => {
    const commandId = newId();
    const text = "aż€😀".repeat(40_000);
    await session().python("print('aż€😀' * 40000, end='')", { commandId, stream: true });
    const chunks = about(session().client, "execution.output", commandId);
    expect(chunks.length).toBeGreaterThan(1);
    expect(chunks.filter(({ encoding }) => encoding !== "utf8")).toEqual([]);
    expect(chunks.map(({ data }) => data).join("")).toBe(text);
  });

  test("without it nothing is sent", async () => {
    const commandId = newId();
    await session().shell("echo quiet", { commandId });
    expect(about(session().client, "execution.output", commandId)).toEqual([]);
  });
});

describe("execution.attach", () => {
  test("a second connection goes on at the exact number, and nothing comes twice", async () => {
    const commandId = newId();
    const first = await connect();
    const { sessionId } = session();
    const command = { type: "execute_shell", commandName: "python3", args: ["-c", COUNT] };
    first.call("session.execute", { sessionId, commandId, command, stream: true }).catch(() => {});
    await untilOutput(first, commandId, "2\n");
    first.socket.terminate();
    const seen = sequence(first, "execution.output", commandId);
    const lastSeq = seen.at(-1) ?? 0;

    const second = await connect();
    expect(await second.call("execution.attach", { commandId, fromSeq: lastSeq + 1 })).toMatchObject({
      sessionId,
      commandId,
      state: "running",
      firstSeq: 1,
    });
    expect(await untilEnded(second, commandId)).toMatchObject({ state: "exited", exitCode: 7 });
    expect([...seen, ...sequence(second, "execution.output", commandId)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(`${outputOf(first, commandId)}${outputOf(second, commandId)}`).toBe(COUNTED);
    expect(await second.call("execution.status", { commandId })).toMatchObject({
      sessionId,
      commandId,
      state: "exited",
      fault: "program",
      queuedAt: expect.any(String),
      startedAt: expect.any(String),
      endedAt: expect.any(String),
      success: true,
      error: null,
      durationMs: expect.any(Number),
      result: { exitCode: 7, stdout: COUNTED },
    });
    await second.close();
  });

  test("after the end it sends the whole output and the end", async () => {
    const commandId = newId();
    await session().shell("echo one; echo two >&2", { commandId });
    const other = await connect();
    const answer = await other.call("execution.attach", { commandId });
    expect(answer).toMatchObject({ state: "exited", firstSeq: 1 });
    await untilEnded(other, commandId);
    expect(outputOf(other, commandId, "stdout").toString()).toBe("one\n");
    expect(outputOf(other, commandId, "stderr").toString()).toBe("two\n");
    expect(sequence(other, "execution.output", commandId).at(-1)).toBe(numberAt(answer, "lastSeq"));
    await other.close();
  });

  test("what was dropped is announced by execution.gap", async () => {
    const commandId = newId();
    const line = "for i in 1 2 3 4 5 6 7 8 9; do echo $i; sleep 0.05; done";
    const answer = await session().shell(line, { commandId, maxOutputBytes: 8, keep: "tail" });
    expect(answer).toMatchObject({ result: { truncated: true, stdout: "6\n7\n8\n9\n" } });
    const other = await connect();
    const firstSeq = numberAt(await other.call("execution.attach", { commandId }), "firstSeq");
    expect(firstSeq).toBeGreaterThan(1);
    await untilEnded(other, commandId);
    expect(about(other, "execution.gap", commandId)).toMatchObject([{ fromSeq: 1, toSeq: firstSeq - 1 }]);
    expect(sequence(other, "execution.output", commandId)[0]).toBe(firstSeq);
    expect(outputOf(other, commandId).toString()).toBe("6\n7\n8\n9\n");
    await other.close();
  });

  test("execution.detach ends the notifications and not the command", async () => {
    const commandId = newId();
    const running = session().python(COUNT, { commandId });
    await session().client.call("execution.status", { commandId });
    const other = await connect();
    await other.call("execution.attach", { commandId });
    await untilOutput(other, commandId, "1\n");
    expect(await other.call("execution.detach", { commandId })).toEqual({ commandId, detached: true });
    const count = other.notifications.length;
    expect(await running).toMatchObject({ result: { exitCode: 7, stdout: COUNTED } });
    await other.call("execution.status", { commandId });
    expect(other.notifications).toHaveLength(count);
    expect(await other.call("execution.detach", { commandId })).toEqual({ commandId, detached: false });
    await other.close();
  });
});

describe("the limit of output", () => {
  test("head keeps the beginning, and the exit code is the program's", async () => {
    const answer = await session().shell("printf 0123456789; exit 3", { maxOutputBytes: 4 });
    expect(answer).toMatchObject({
      success: true,
      result: { state: "exited", fault: "program", exitCode: 3, stdout: "0123", truncated: true },
    });
  });

  test("a response holds 1 MiB, the rest comes by attach", async () => {
    const commandId = newId();
    const answer = await session().shell("head -c 3000000 /dev/zero | tr '\\0' x", { commandId });
    expect(answer).toMatchObject({ result: { truncated: true, stdout: "x".repeat(1_048_576) } });
    const other = await connect();
    await other.call("execution.attach", { commandId });
    await untilEnded(other, commandId);
    expect(outputOf(other, commandId).length).toBe(3_000_000);
    await other.close();
  });

  test("more than the server allows is refused", async () => {
    const error = await errorOf(session().shell("true", { maxOutputBytes: Number.MAX_SAFE_INTEGER }));
    expect(error).toMatchObject({ code: -32602, data: { issues: [{ path: "maxOutputBytes" }] } });
  });
});

describe("the same commandId again", () => {
  test("after the end: the first result, and nothing runs twice", async () => {
    const commandId = newId();
    const line = "echo ran >> once; cat once";
    const first = await session().shell(line, { commandId });
    const again = await connect();
    const command = { type: "execute_shell", commandName: "sh", args: ["-c", line] };
    const { sessionId } = session();
    const second = await again.call("session.execute", { sessionId, commandId, command, stream: true });
    expect(second).toEqual(first);
    expect(second).toMatchObject({ result: { stdout: "ran\n" } });
    expect(outputOf(again, commandId).toString()).toBe("ran\n");
    await again.close();
  });

  test("while it runs: it joins, from the start", async () => {
    const commandId = newId();
    const first = session().python(COUNT, { commandId, stream: true });
    await untilOutput(session().client, commandId, "1\n");
    const again = await connect();
    const command = { type: "execute_shell", commandName: "python3", args: ["-c", COUNT] };
    const { sessionId } = session();
    const second = await again.call("session.execute", { sessionId, commandId, command, stream: true });
    expect(second).toEqual(await first);
    expect(outputOf(again, commandId).toString()).toBe(COUNTED);
    await again.close();
  });

  test("with other content: IDEMPOTENCY_CONFLICT", async () => {
    const commandId = newId();
    await session().shell("true", { commandId });
    expect(await errorOf(session().shell("false", { commandId }))).toMatchObject({
      code: -32011,
      data: { code: "IDEMPOTENCY_CONFLICT" },
    });
  });
});

test("a closed connection ends no command, and disturbs no other", async () => {
  const commandId = newId();
  const leaving = await connect();
  const { sessionId } = session();
  const command = { type: "execute_shell", commandName: "sh", args: ["-c", "sleep 1; echo finished"] };
  leaving.call("session.execute", { sessionId, commandId, command }).catch(() => {});
  await leaving.call("execution.status", { commandId });
  leaving.socket.terminate();
  const other = await connect();
  await other.call("execution.attach", { commandId });
  expect(await untilEnded(other, commandId)).toMatchObject({ state: "exited", fault: "none" });
  expect(outputOf(other, commandId).toString()).toBe("finished\n");
  await other.close();
});
