import { expect } from "vitest";
import { ProgramResult } from "../../src/shared/protocol/executions.ts";
import { NOTIFICATIONS } from "../../src/shared/protocol/notifications.ts";
import type { Client } from "./client.ts";
import { streamed } from "./session.ts";

/** A program that prints 0 to `lines` - 1, one line every `seconds`, and ends with code 7. */
export function counting(lines: number, seconds: number) {
  const code = [
    "import os, sys, time",
    `for i in range(${lines}):`,
    // One write a line, and so one chunk: an unbuffered print writes the end of the line by itself.
    "    os.write(1, b'%d\\n' % i)",
    `    time.sleep(${seconds})`,
    "sys.exit(7)",
  ].join("\n");
  return { type: "execute_shell", commandName: "python3", args: ["-c", code] };
}

/** What `counting` prints in all. */
export function counted(lines: number): string {
  return Array.from({ length: lines }, (_, line) => `${line}\n`).join("");
}

/** Resolves when the program has printed line `line` to this connection. */
export async function untilLine(client: Client, commandId: string, line: number): Promise<void> {
  await client.until(
    ({ method }) =>
      method === "execution.output" && streamed(client.notifications, commandId).includes(`${line}\n`),
  );
}

/** The sequence numbers of the output notifications of a command, as they came. */
export function sequence(client: Client, commandId: string): number[] {
  return client.notifications
    .filter(({ method, params }) => method === "execution.output" && params.commandId === commandId)
    .map(({ params }) => NOTIFICATIONS["execution.output"].parse(params).seq);
}

/** That a command came through whole: every line once, in order and without a gap, on this connection; its own end. */
export function expectCounted(
  client: Client,
  commandId: string,
  answer: { result: unknown },
  lines: number,
): void {
  expect(ProgramResult.parse(answer.result)).toMatchObject({
    state: "exited",
    fault: "program",
    exitCode: 7,
    stdout: counted(lines),
  });
  expect(streamed(client.notifications, commandId).toString()).toBe(counted(lines));
  const seqs = sequence(client, commandId);
  expect(seqs).toEqual(Array.from(seqs, (_, index) => index + 1));
  expect(client.notifications.map(({ method }) => method)).not.toContain("execution.gap");
}
