import { describe, expect, test } from "vitest";
import { Command } from "../src/shared/protocol/commands.ts";
import type { AgentEnd } from "../src/worker/agent/messages.ts";
import { verdict } from "../src/worker/verdict.ts";

const shell = Command.parse({ type: "execute_shell", commandName: "true" });
const code = Command.parse({ type: "execute_code", code: "1" });
const write = Command.parse({ type: "write_file", path: "a", content: "" });

const seen: AgentEnd = {
  exitCode: null,
  signal: null,
  timedOut: false,
  cancelled: false,
  wallMs: 1,
  cpuMs: 1,
  peakMemoryBytes: 1,
  oomKills: 0,
  offset: 0,
};

function failure(op: string, errno: string) {
  return { failure: { step: 0, op, code: errno, message: `it could not: ${errno}` } };
}

/** The table of DESIGN §4: what was seen, and the verdict. */
const table: [string, Partial<AgentEnd>, Command, object][] = [
  ["cancelled", { cancelled: true, signal: "SIGKILL" }, shell, { state: "cancelled", fault: "caller" }],
  [
    "cancelled wins over the deadline",
    { cancelled: true, timedOut: true },
    shell,
    { state: "cancelled", fault: "caller" },
  ],
  [
    "its deadline passed",
    { timedOut: true, signal: "SIGKILL" },
    shell,
    { state: "failed", fault: "limit", limit: "time" },
  ],
  [
    "the deadline wins over memory",
    { timedOut: true, signal: "SIGKILL", oomKills: 1 },
    shell,
    { state: "failed", fault: "limit", limit: "time" },
  ],
  [
    "killed for memory",
    { signal: "SIGKILL", oomKills: 1 },
    shell,
    { state: "failed", fault: "limit", limit: "memory" },
  ],
  [
    "a child killed for memory, behind a shell with a code of its own",
    { exitCode: 3, oomKills: 1 },
    shell,
    { state: "failed", fault: "limit", limit: "memory" },
  ],
  [
    "a child killed for memory that the program coped with",
    { exitCode: 0, oomKills: 2 },
    shell,
    { state: "exited", fault: "none", oomKills: 2 },
  ],
  ["no such program", failure("run", "ENOENT"), shell, { state: "failed", fault: "caller" }],
  ["no right to run it", failure("run", "EACCES"), shell, { state: "failed", fault: "caller" }],
  [
    "the interpreter is missing",
    failure("run", "ENOENT"),
    code,
    { state: "failed", fault: "infrastructure" },
  ],
  ["a file command refused", failure("write", "EACCES"), write, { state: "failed", fault: "caller" }],
  [
    "no space for a file command",
    failure("write", "ENOSPC"),
    write,
    { state: "failed", fault: "limit", limit: "disk" },
  ],
  ["exit code 0", { exitCode: 0 }, shell, { state: "exited", fault: "none" }],
  ["another exit code", { exitCode: 137 }, shell, { state: "exited", fault: "program", exitCode: 137 }],
  [
    "a signal from inside",
    { signal: "SIGSEGV" },
    shell,
    { state: "exited", fault: "program", signal: "SIGSEGV" },
  ],
  [
    "a file command carried out",
    { result: { path: "a", bytes: 0 } },
    write,
    { state: "exited", fault: "none" },
  ],
];

describe("how a command ended is decided by one table", () => {
  test.each(table)("%s", (_name, end, command, expected) => {
    const about = { command, timeoutMs: 1000, memoryLimitMB: 64, cancelReason: undefined };
    const outcome = verdict({ ...seen, ...end }, about);
    expect(outcome).toMatchObject(expected);
    expect(outcome.error === undefined).toBe(outcome.state === "exited");
  });
});
