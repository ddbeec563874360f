import { expect, test } from "vitest";
import { connect, failureOf } from "./support/client.ts";
import { counted, counting, sequence, untilLine } from "./support/counting.ts";
import { sharedUrl, streamed, withSession } from "./support/session.ts";

const LINES = 8;

test("after a break the client goes on at the other API node at the exact sequence number", () =>
  withSession(async ({ sessionId }) => {
    const first = await connect(sharedUrl(0));
    // Its answer never comes: the connection breaks before.
    const running = first.call("session.execute", {
      sessionId,
      commandId: "broken",
      command: counting(LINES, 0.3),
      stream: true,
    });
    running.catch(() => {});
    await untilLine(first, "broken", 2);
    first.socket.terminate();
    const seen = streamed(first.notifications, "broken").toString();
    const lastSeq = sequence(first, "broken").at(-1) ?? 0;

    const second = await connect(sharedUrl(1));
    const answer = await second.call("execution.attach", { commandId: "broken", fromSeq: lastSeq + 1 });
    expect(answer).toMatchObject({ sessionId, commandId: "broken", state: "running", firstSeq: 1 });
    await second.until(({ method }) => method === "execution.ended");

    expect(seen + streamed(second.notifications, "broken").toString()).toBe(counted(LINES));
    expect([...sequence(first, "broken"), ...sequence(second, "broken")]).toEqual(
      Array.from({ length: LINES }, (_, index) => index + 1),
    );
    expect(second.notifications.at(-1)).toMatchObject({
      params: { state: "exited", fault: "program", exitCode: 7 },
    });
    await second.close();
  }));

test("attach after the end sends the whole output and the end; past the retained range it announces the gap", () =>
  withSession(async ({ client, shell }) => {
    await shell("for i in {1..9}; do echo $i; sleep 0.02; done", {
      commandId: "tail",
      maxOutputBytes: 8,
      keep: "tail",
    });
    const { firstSeq, lastSeq } = await client.call("execution.attach", { commandId: "tail" });
    expect(firstSeq).toBeGreaterThan(1);
    await client.until(({ method }) => method === "execution.ended");
    expect(client.notifications.find(({ method }) => method === "execution.gap")?.params).toMatchObject({
      commandId: "tail",
      fromSeq: 1,
      toSeq: firstSeq - 1,
    });
    expect(sequence(client, "tail").at(-1)).toBe(lastSeq);
    expect(streamed(client.notifications, "tail").toString()).toBe("6\n7\n8\n9\n");
  }));

test("detach ends the notifications, not the command", () =>
  withSession(async ({ client, program }) => {
    const other = await connect(sharedUrl(1));
    const running = program(counting(LINES, 0.2), { commandId: "watched" });
    // Behind the command on the same connection: once this is answered, the command is known.
    await client.call("execution.status", { commandId: "watched" });
    await other.call("execution.attach", { commandId: "watched" });
    await untilLine(other, "watched", 1);
    expect(await other.call("execution.detach", { commandId: "watched" })).toEqual({
      commandId: "watched",
      detached: true,
    });
    const after = other.notifications.length;
    expect((await running).result.stdout).toBe(counted(LINES));
    // An answer behind everything that this node still had to send.
    await other.call("execution.status", { commandId: "watched" });
    expect(other.notifications).toHaveLength(after);
    expect(await other.call("execution.detach", { commandId: "watched" })).toMatchObject({ detached: false });
    await other.close();
  }));

test("session.attach sends what every command of the session does, and the session's end", () =>
  withSession(async ({ client, sessionId, shell }) => {
    const watcher = await connect(sharedUrl(1));
    expect(await watcher.call("session.attach", { sessionId })).toMatchObject({ sessionId, state: "Active" });
    await shell("echo one", { commandId: "one" });
    await shell("echo two >&2; exit 2", { commandId: "two" });
    const ended = (commandId: string) =>
      watcher.until(({ method, params }) => method === "execution.ended" && params.commandId === commandId);
    await ended("one");
    expect((await ended("two")).params).toMatchObject({ state: "exited", exitCode: 2 });
    expect(streamed(watcher.notifications, "one", "stdout").toString()).toBe("one\n");
    expect(streamed(watcher.notifications, "two", "stderr").toString()).toBe("two\n");
    for (const commandId of ["one", "two"]) {
      const methods = watcher.notifications
        .filter(({ params }) => params.commandId === commandId)
        .map(({ method }) => method);
      expect(methods).toEqual(["execution.started", "execution.output", "execution.ended"]);
    }

    await client.call("session.close", { sessionId });
    await watcher.until(({ method, params }) => method === "session.state" && params.state === "Closed");
    await watcher.close();
  }));

test("a connection that streams a command and is attached to its session gets nothing twice", () =>
  withSession(async ({ client, sessionId, shell }) => {
    await client.call("session.attach", { sessionId });
    await shell("echo once", { commandId: "once", stream: true });
    expect(streamed(client.notifications, "once").toString()).toBe("once\n");
    expect(await client.call("session.detach", { sessionId })).toEqual({ sessionId, detached: true });
  }));

test("attach to what is unknown is a clear error", () =>
  withSession(async ({ client }) => {
    expect((await failureOf(client.call("execution.attach", { commandId: "nothing" }))).data?.code).toBe(
      "COMMAND_NOT_FOUND",
    );
    expect((await failureOf(client.call("session.attach", { sessionId: "nothing" }))).data?.code).toBe(
      "SESSION_NOT_FOUND",
    );
  }));

test("an idempotencyKey makes one session, however often it is sent", () =>
  withSession(async ({ client }) => {
    const idempotencyKey = `key-${Date.now()}-${Math.random().toString(36).slice(2)}`;
    const create = (params: object = {}) =>
      client.call("session.create", { language: "python", idempotencyKey, ...params });
    const [one, two] = await Promise.all([create(), create()]);
    expect(two).toEqual(one);
    expect((await failureOf(create({ memoryLimitMB: 128 }))).data?.code).toBe("IDEMPOTENCY_CONFLICT");
    await client.call("session.close", { sessionId: one.sessionId });
    expect((await failureOf(create())).data?.code).toBe("SESSION_CLOSED");
  }));
