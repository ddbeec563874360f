import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { ProgramResult } from "../src/shared/protocol/executions.ts";
import { NOTIFICATIONS } from "../src/shared/protocol/notifications.ts";
import { connect, type Json, type Notification } from "./support/client.ts";
import { sequence, untilLine } from "./support/counting.ts";
import { EVENTUALLY } from "./support/engine.ts";
import { sharedUrl, streamed, withClient, withSession } from "./support/session.ts";

const MIB = 1_048_576;

function python(code: string): Json {
  return { type: "execute_shell", commandName: "python3", args: ["-c", code] };
}

/** 16 bytes a line, so every part of it is known: line n is n in 15 digits. */
function numberedLines(lines: number): Json {
  return python(
    [
      "import sys",
      `for start in range(0, ${lines}, 4096):`,
      `    sys.stdout.write(''.join(f'{n:015d}\\n' for n in range(start, min(start + 4096, ${lines}))))`,
    ].join("\n"),
  );
}

function expectedLines(lines: number): string {
  return Array.from({ length: lines }, (_, line) => `${String(line).padStart(15, "0")}\n`).join("");
}

function sha256(data: Buffer | string): string {
  return createHash("sha256").update(data).digest("hex");
}

function outputs(notifications: Notification[]) {
  return notifications
    .filter(({ method }) => method === "execution.output")
    .map(({ params }) => NOTIFICATIONS["execution.output"].parse(params));
}

describe("the order of what a client is told", () => {
  test("started, then output with seq from 1 without holes, then ended, then the response", () =>
    withSession(async ({ client, sessionId, shell }) => {
      const commandId = randomUUID();
      const arrived: string[] = [];
      client.socket.on("message", (data) => {
        const text = String(data);
        arrived.push(/"method":"([a-z.]+)"/.exec(text)?.[1] ?? "response");
      });
      const answer = await shell("for i in 1 2 3 4 5; do echo $i; sleep 0.05; done; exit 3", {
        commandId,
        stream: true,
      });
      expect(answer.result.stdout).toBe("1\n2\n3\n4\n5\n");

      const { length } = sequence(client, commandId);
      expect(arrived).toEqual([
        "execution.started",
        ...Array.from({ length }, () => "execution.output"),
        "execution.ended",
        "response",
      ]);
      expect(sequence(client, commandId)).toEqual(Array.from({ length }, (_, index) => index + 1));
      expect(client.notifications.at(0)?.params).toEqual({ sessionId, commandId });
      expect(client.notifications.at(-1)?.params).toEqual({
        sessionId,
        commandId,
        state: "exited",
        fault: "program",
        exitCode: 3,
      });
      expect(streamed(client.notifications, commandId).toString()).toBe(answer.result.stdout);
    }));

  test("one without output, and one that can't be started, are told of as well", () =>
    withSession(async ({ client, shell, program }) => {
      await shell("true", { stream: true });
      await program({ type: "execute_shell", commandName: "none" }, { stream: true });
      expect(client.notifications.map(({ method }) => method)).toEqual([
        "execution.started",
        "execution.ended",
        "execution.started",
        "execution.ended",
      ]);
      expect(client.notifications[3]?.params).toMatchObject({
        state: "failed",
        fault: "caller",
        error: expect.stringContaining("none"),
      });
    }));

  test("without stream nothing is told", () =>
    withSession(async ({ client, shell }) => {
      await shell("echo quiet");
      expect(client.notifications).toEqual([]);
    }));

  test("stdout and stderr keep the order in which they were written", () =>
    withSession(async ({ client, program }) => {
      const commandId = randomUUID();
      const code = [
        "import fcntl, os, struct, termios, time",
        "def unread(fd): return struct.unpack('i', fcntl.ioctl(fd, termios.FIONREAD, b'1234'))[0]",
        "for n in range(20):",
        "    os.write(1 + n % 2, b'%d\\n' % n)",
        "    while unread(1 + n % 2): time.sleep(0.001)",
        "    time.sleep(0.01)",
      ].join("\n");
      await program(python(code), { commandId, stream: true });
      expect(streamed(client.notifications, commandId).toString()).toBe(
        Array.from({ length: 20 }, (_, n) => `${n}\n`).join(""),
      );
      expect(streamed(client.notifications, commandId, "stderr").toString()).toBe(
        Array.from({ length: 10 }, (_, n) => `${2 * n + 1}\n`).join(""),
      );
    }));

  test("it comes while the program runs, not at its end", () =>
    withSession(async ({ client, sessionId, shell }) => {
      const commandId = randomUUID();
      const running = shell("echo now; exec sleep 1000", { commandId, stream: true });
      await client.until(({ method }) => method === "execution.output");
      expect(streamed(client.notifications, commandId).toString()).toBe("now\n");
      await client.call("session.close", { sessionId });
      await running;
    }));
});

describe("bytes and characters", () => {
  test("no character is cut, also when a program writes it byte by byte", () =>
    withSession(async ({ client, program }) => {
      const commandId = randomUUID();
      const text = "aż€😀\n".repeat(5);
      const code = `import os\nfor byte in ${JSON.stringify(text)}.encode(): os.write(1, bytes([byte]))`;
      const { result } = await program(python(code), { commandId, stream: true });
      expect(result).toMatchObject({ stdout: text, exitCode: 0 });
      expect(result).not.toHaveProperty("lossy");
      for (const { encoding, data } of outputs(client.notifications)) {
        expect(encoding).toBe("utf8");
        expect(data).not.toContain("\ufffd");
      }
      expect(streamed(client.notifications, commandId).toString()).toBe(text);
    }));

  test("both streams at once, each byte by byte, keep their characters apart", () =>
    withSession(async ({ client, program }) => {
      const commandId = randomUUID();
      const code =
        "import os\nfor byte in ('€😀' * 5).encode(): os.write(1, bytes([byte])); os.write(2, bytes([byte]))";
      const { result } = await program(python(code), { commandId, stream: true });
      expect(result).toMatchObject({ stdout: "€😀".repeat(5), stderr: "€😀".repeat(5) });
      expect(outputs(client.notifications).map(({ encoding }) => encoding)).not.toContain("base64");
    }));

  test("bytes that are no UTF-8 are streamed exactly, as base64", () =>
    withSession(async ({ client, program }) => {
      const commandId = randomUUID();
      const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
      const { result } = await program(python("import os; os.write(1, bytes(range(256)))"), {
        commandId,
        stream: true,
      });
      expect(result.lossy).toBe(true);
      expect(streamed(client.notifications, commandId)).toEqual(everyByte);
      expect(outputs(client.notifications).map(({ encoding }) => encoding)).toContain("base64");
    }));
});

describe("much output", () => {
  test("one line of 1 MB arrives whole", () =>
    withSession(async ({ client, shell }) => {
      const commandId = randomUUID();
      const { result } = await shell("head -c 1000000 /dev/zero | tr '\\0' x; echo", {
        commandId,
        stream: true,
      });
      expect(result).toMatchObject({ exitCode: 0, truncated: false });
      expect(result.stdout.length).toBe(1_000_001);
      expect(sha256(result.stdout)).toBe(sha256(`${"x".repeat(1_000_000)}\n`));
      expect(sha256(streamed(client.notifications, commandId))).toBe(sha256(result.stdout));
    }));

  test("50 MB arrive without loss where maxOutputBytes allows", () =>
    withSession(async ({ client, program }) => {
      const commandId = randomUUID();
      const lines = 3_276_800;
      const delivery = { commandId, stream: true, maxOutputBytes: 64 * MIB };
      const { result } = await program(numberedLines(lines), delivery);
      expect(result).toMatchObject({ state: "exited", exitCode: 0, truncated: true });
      const all = streamed(client.notifications, commandId);
      expect(all.length).toBe(50 * MIB);
      expect(sha256(all)).toBe(sha256(expectedLines(lines)));
      const seqs = sequence(client, commandId);
      expect(seqs).toEqual(seqs.map((_, index) => index + 1));
      expect(client.notifications.map(({ method }) => method)).not.toContain("execution.gap");
    }));

  test("keep head: the first bytes stay, the program runs on to its end", () =>
    withSession(async ({ client, program, shell }) => {
      const commandId = randomUUID();
      const command = python("print('x' * 10 + 'y' * 1_000_000); open('end', 'w')");
      const { result } = await program(command, { commandId, stream: true, maxOutputBytes: 15 });
      expect(result).toMatchObject({ exitCode: 0, truncated: true, stdout: "xxxxxxxxxxyyyyy" });
      expect(streamed(client.notifications, commandId).toString()).toBe(result.stdout);
      expect((await shell("ls")).result.stdout).toBe("end\n");
    }));

  test("keep head cuts no character", () =>
    withSession(async ({ shell }) => {
      const { result } = await shell("printf '€€€€'", { maxOutputBytes: 8 });
      expect(result).toMatchObject({ stdout: "€€", truncated: true });
    }));

  test("output of exactly maxOutputBytes is not truncated, and none is kept of none", () =>
    withSession(async ({ shell }) => {
      expect((await shell("printf 12345", { maxOutputBytes: 5 })).result).toMatchObject({
        stdout: "12345",
        truncated: false,
      });
      expect((await shell("printf 12345", { maxOutputBytes: 0 })).result).toMatchObject({
        stdout: "",
        truncated: true,
      });
    }));

  test.each([1000, 100_000])("keep tail: the last %d bytes stay", (maxOutputBytes) =>
    withSession(async ({ program }) => {
      const { result } = await program(numberedLines(20_000), { maxOutputBytes, keep: "tail" });
      const all = expectedLines(20_000);
      expect(result).toMatchObject({ state: "exited", exitCode: 0, truncated: true });
      expect(all.endsWith(result.stdout)).toBe(true);
      expect(result.stdout.length).toBeLessThanOrEqual(maxOutputBytes);
      expect(result.stdout.length).toBeGreaterThan(maxOutputBytes / 2);
    }),
  );

  test("keep tail, and a reader that was behind: what was dropped is announced, nothing else is missing", () =>
    withSession(async ({ sessionId, client: other }) => {
      await withClient(async (client) => {
        const commandId = randomUUID();
        const running = client.call("session.execute", {
          sessionId,
          commandId,
          command: numberedLines(1_310_720), // 20 MiB
          stream: true,
          maxOutputBytes: MIB,
          keep: "tail",
        });
        await client.until(({ method }) => method === "execution.output");
        client.socket.pause();
        await expect
          .poll(async () => (await other.call("execution.status", { commandId })).state, EVENTUALLY)
          .toBe("exited");
        client.socket.resume();
        const { stdout } = ProgramResult.parse((await running).result);

        let next = 1;
        for (const { method, params } of client.notifications) {
          if (method === "execution.output") {
            expect(NOTIFICATIONS[method].parse(params).seq).toBe(next++);
          } else if (method === "execution.gap") {
            const { fromSeq, toSeq } = NOTIFICATIONS[method].parse(params);
            expect(fromSeq).toBe(next);
            next = toSeq + 1;
          }
        }
        expect(client.notifications.map(({ method }) => method)).toContain("execution.gap");
        expect(streamed(client.notifications, commandId).toString().endsWith(stdout)).toBe(true);
        expect(expectedLines(1_310_720).endsWith(stdout)).toBe(true);
      });
    }));

  test("200 MB harm nobody: what is over the limit is counted and dropped", () =>
    withSession(async ({ shell }) => {
      const { result } = await shell("head -c 200000000 /dev/zero | tr '\\0' x; echo ended >&2; exit 5", {
        timeoutMs: 100_000,
        maxOutputBytes: 100_000,
      });
      expect(result).toMatchObject({
        state: "exited",
        exitCode: 5,
        truncated: true,
        stdout: "x".repeat(100_000),
      });
      expect((await shell("echo next")).result.stdout).toBe("next\n");
    }));

  test("more than maxOutputBytes can be is refused", () =>
    withSession(async ({ shell }) => {
      await expect(shell("true", { maxOutputBytes: 257 * MIB })).rejects.toMatchObject({
        error: { data: { fault: "caller" }, message: expect.stringContaining("maxOutputBytes") },
      });
    }));
});

describe("clients that fail", () => {
  test("one that goes away in the middle ends no command, and its result is there later", () =>
    withSession(async ({ client, sessionId }) => {
      const commandId = randomUUID();
      const lost = await connect(sharedUrl());
      const call = lost.call("session.execute", {
        sessionId,
        commandId,
        command: python("import time\nfor n in range(10): print(n, flush=True); time.sleep(0.2)"),
        stream: true,
      });
      const broken = expect(call).rejects.toThrow(/connection closed/);
      await untilLine(lost, commandId, 1);
      lost.socket.terminate();
      await broken;

      const status = () => client.call("execution.status", { commandId });
      await expect.poll(async () => (await status()).state, EVENTUALLY).toBe("exited");
      expect(await status()).toMatchObject({
        success: true,
        result: { exitCode: 0, stdout: "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n" },
      });
    }));

  test("one that does not read stops neither its program nor anybody else, and misses nothing when it reads again", () =>
    withSession(async ({ client, sessionId, shell }) => {
      const commandId = randomUUID();
      const lines = 1_310_720; // 20 MiB
      await withClient(async (stalled) => {
        const running = stalled.call("session.execute", {
          sessionId,
          commandId,
          command: numberedLines(lines),
          stream: true,
          maxOutputBytes: 32 * MIB,
        });
        await stalled.until(({ method }) => method === "execution.output");
        stalled.socket.pause();

        await withSession(async (other) => {
          expect((await other.shell("echo undisturbed", { stream: true })).result.stdout).toBe(
            "undisturbed\n",
          );
          expect(
            streamed(
              other.client.notifications,
              String(other.client.notifications[0]?.params.commandId),
            ).toString(),
          ).toBe("undisturbed\n");
        });
        await expect
          .poll(async () => (await client.call("execution.status", { commandId })).state, EVENTUALLY)
          .toBe("exited");
        expect((await shell("echo next")).result.stdout).toBe("next\n");

        stalled.socket.resume();
        expect(ProgramResult.parse((await running).result)).toMatchObject({ state: "exited", exitCode: 0 });
        expect(sha256(streamed(stalled.notifications, commandId))).toBe(sha256(expectedLines(lines)));
      });
    }));

  test("one that goes away leaves the commands of others in its session alone", () =>
    withSession(async ({ client, sessionId }) => {
      const leaving = await connect(sharedUrl());
      await leaving.call("session.execute", { sessionId, command: python("print(1)"), stream: true });
      const commandId = randomUUID();
      const running = client.call("session.execute", {
        sessionId,
        commandId,
        command: python("import time\nfor n in range(5): print(n, flush=True); time.sleep(0.2)"),
        stream: true,
      });
      const waiting = leaving.call("session.execute", { sessionId, command: python("print(2)") });
      const broken = expect(waiting).rejects.toThrow(/connection closed/);
      await untilLine(client, commandId, 1);
      leaving.socket.terminate();
      await broken;
      expect((await running).result).toMatchObject({
        state: "exited",
        exitCode: 0,
        stdout: "0\n1\n2\n3\n4\n",
      });
    }));

  test("one that stalls and goes away", () =>
    withSession(async ({ client, sessionId }) => {
      const commandId = randomUUID();
      const stalled = await connect(sharedUrl());
      const call = stalled.call("session.execute", {
        sessionId,
        commandId,
        command: numberedLines(327_680),
        stream: true,
      });
      const broken = expect(call).rejects.toThrow(/connection closed/);
      await stalled.until(({ method }) => method === "execution.output");
      stalled.socket.pause();
      const closed = once(stalled.socket, "close");
      stalled.socket.terminate();
      await closed;
      await broken;
      await expect
        .poll(async () => (await client.call("execution.status", { commandId })).state, EVENTUALLY)
        .toBe("exited");
    }));
});
