import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { connect } from "./support/client.ts";
import { EVENTUALLY } from "./support/engine.ts";
import { streamed } from "./support/session.ts";
import { withStack } from "./support/stack.ts";

const MIB = 1_048_576;
const OUTPUT_BYTES = 64 * MIB;
const READERS = 4;
/** Far below the output of one reader for each of them, and above what a garbage collector leaves lying about. */
const GROWTH_BYTES = 160 * MIB;

/** The most memory that a process has had so far. */
function peakBytes(pid: number | undefined): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kilobytes) * 1024;
}

test.concurrent("clients that do not read cost an API node no memory, and each catches up to the last byte", () =>
  withStack({ apis: 2 }, async (stack, client) => {
    const { sessionId } = await client.call("session.create", { language: "python" });
    const [, slowUrl = ""] = stack.urls;
    const node = stack.apis[1]?.child.pid;
    const code = [
      "import hashlib, os, sys",
      "digest = hashlib.sha256()",
      "sys.stdin.read(1)",
      `for start in range(0, ${OUTPUT_BYTES}, 65536):`,
      "    block = b'%063d\\n' % start * 1024",
      "    digest.update(block)",
      "    os.write(1, block)",
      "os.write(2, digest.hexdigest().encode())",
    ].join("\n");
    await client.call("session.execute", {
      sessionId,
      commandId: "much",
      command: { type: "execute_shell", commandName: "python3", args: ["-c", code], keepStdinOpen: true },
      background: true,
      maxOutputBytes: 2 * OUTPUT_BYTES,
      keep: "head",
    });
    const readers = await Promise.all(Array.from({ length: READERS }, () => connect(slowUrl)));
    for (const reader of readers) await reader.call("execution.attach", { commandId: "much" });
    const before = peakBytes(node);
    for (const { socket } of readers) socket.pause();

    await client.call("execution.input", { commandId: "much", data: "x", eof: true });
    await expect
      .poll(async () => (await client.call("execution.status", { commandId: "much" })).state, EVENTUALLY)
      .toBe("exited");
    // The node still answers who reads, which is behind everything that it had to take up so far.
    const other = await connect(slowUrl);
    expect(await other.call("execution.status", { commandId: "much" })).toMatchObject({ state: "exited" });
    await other.close();
    expect(peakBytes(node) - before).toBeLessThan(GROWTH_BYTES);

    for (const reader of readers) {
      reader.socket.resume();
      await reader.until(({ method }) => method === "execution.ended");
      expect(reader.notifications.map(({ method }) => method)).not.toContain("execution.gap");
      const out = streamed(reader.notifications, "much", "stdout");
      expect(out.length).toBe(OUTPUT_BYTES);
      const digest = createHash("sha256").update(out).digest("hex");
      expect(streamed(reader.notifications, "much", "stderr").toString()).toBe(digest);
      await reader.close();
    }
    expect(peakBytes(node) - before).toBeLessThan(GROWTH_BYTES);
  }));
