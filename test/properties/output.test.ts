import fc from "fast-check";
import { expect, test } from "vitest";
import { connect } from "../support/client.ts";
import { sharedUrl, streamed, withSession } from "../support/session.ts";

/** Characters of every length in UTF-8; what one write holds. */
const character = fc.constantFrom("a", "\n", "ż", "ß", "€", "한", "😀", "𝄞");
const write = fc.record({
  stream: fc.constantFrom(1, 2),
  text: fc.string({ unit: character, minLength: 1, maxLength: 40 }),
});
/** Now and then a pause, so that writes come one by one. */
const program = fc.record({
  writes: fc.array(write, { minLength: 1, maxLength: 8 }),
  paused: fc.boolean(),
});

const PROGRAM = [
  "import json, os, sys, time",
  "given = json.load(sys.stdin)",
  "for write in given['writes']:",
  "    os.write(write['stream'], write['text'].encode())",
  "    if given['paused']: time.sleep(0.004)",
].join("\n");

type Write = { stream: number; text: string };
const written = (writes: Write[], stream: number) =>
  writes
    .filter((one) => one.stream === stream)
    .map(({ text }) => text)
    .join("");
const bytes = (text: string) => Buffer.byteLength(text);

test("of output over maxOutputBytes whole characters are kept: its beginning, or its end", () =>
  withSession(async ({ program: run, client }) => {
    let count = 0;
    await fc.assert(
      fc.asyncProperty(
        program,
        fc.nat(120),
        fc.constantFrom("head", "tail"),
        async (given, maxOutputBytes, keep) => {
          const commandId = `kept-${process.pid}-${++count}`;
          const { result } = await run(
            {
              type: "execute_shell",
              commandName: "python3",
              args: ["-c", PROGRAM],
              stdin: JSON.stringify(given),
            },
            { commandId, maxOutputBytes, keep },
          );
          expect(result).toMatchObject({ state: "exited", exitCode: 0 });
          const whole = { stdout: written(given.writes, 1), stderr: written(given.writes, 2) };
          const total = bytes(whole.stdout) + bytes(whole.stderr);
          const kept = bytes(result.stdout) + bytes(result.stderr);

          expect(result.lossy).toBeUndefined();
          expect(result.truncated).toBe(total > maxOutputBytes);
          for (const stream of ["stdout", "stderr"] as const) {
            const fits = keep === "head" ? "startsWith" : "endsWith";
            expect(whole[stream][fits](result[stream])).toBe(true);
          }
          if (total <= maxOutputBytes) {
            expect({ stdout: result.stdout, stderr: result.stderr }).toEqual(whole);
          } else {
            expect(kept).toBeLessThanOrEqual(maxOutputBytes);
            // The beginning up to the character that does not fit any more; of the end whole entries go.
            if (keep === "head") expect(kept).toBeGreaterThan(maxOutputBytes - 4);
          }

          await client.call("execution.attach", { commandId });
          await client.until(
            ({ method, params }) => method === "execution.ended" && params.commandId === commandId,
          );
          for (const stream of ["stdout", "stderr"] as const) {
            expect(streamed(client.notifications, commandId, stream).toString()).toBe(result[stream]);
          }
          const encodings = client.notifications
            .filter(({ method, params }) => method === "execution.output" && params.commandId === commandId)
            .map(({ params }) => params.encoding);
          expect(encodings.filter((encoding) => encoding !== "utf8")).toEqual([]);
        },
      ),
      {
        numRuns: 60,
        examples: [
          // A limit smaller than the first character; something small behind what did not fit.
          [{ writes: [{ stream: 1, text: "😀" }], paused: false }, 1, "head"],
          [
            {
              writes: [
                { stream: 1, text: "aa€" },
                { stream: 1, text: "a" },
              ],
              paused: false,
            },
            4,
            "head",
          ],
        ],
      },
    );
  }));

test("bytes that are no text are kept exactly, up to the limit", () =>
  withSession(async ({ program: run }) => {
    const other = await connect(sharedUrl(1));
    let count = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 100 }),
        fc.nat(120),
        fc.constantFrom("head", "tail"),
        async (given, maxOutputBytes, keep) => {
          const commandId = `bytes-${process.pid}-${++count}`;
          const base64 = Buffer.from(given).toString("base64");
          const code = "import base64, os, sys; os.write(1, base64.b64decode(sys.argv[1]))";
          await run(
            { type: "execute_shell", commandName: "python3", args: ["-c", code, base64] },
            { commandId, maxOutputBytes, keep },
          );
          await other.call("execution.attach", { commandId });
          await other.until(
            ({ method, params }) => method === "execution.ended" && params.commandId === commandId,
          );
          const kept = streamed(other.notifications, commandId).toString("hex");
          const whole = Buffer.from(given).toString("hex");
          expect(keep === "head" ? whole.startsWith(kept) : whole.endsWith(kept)).toBe(true);
          if (given.length <= maxOutputBytes) expect(kept).toBe(whole);
          else expect(kept.length / 2).toBeLessThanOrEqual(maxOutputBytes);
        },
      ),
      { numRuns: 30 },
    );
    await other.close();
  }));
