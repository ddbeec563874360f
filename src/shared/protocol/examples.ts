import type { Command } from "./commands.ts";
import type { MethodName } from "./methods.ts";
import type { NotificationName } from "./notifications.ts";

/*
 * Requests with their answers, commands with their results and notifications, as the documentation shows them.
 * A test holds them against the schemas.
 */

const session = { sessionId: "6e3c1f0e-6d3d-4a43-9f3b-0a2f4c1b7d11" };
const command = { commandId: "build-1" };
const info = {
  ...session,
  containerId: "4f1d0c7f3a52",
  language: "python",
  createdAt: "2026-11-25T10:00:00.000Z",
  lastActivity: "2026-11-25T10:00:05.000Z",
  state: "Active",
  executionCount: 1,
  idleMinutes: 0,
  lifetimeMinutes: 0.08,
};
const carriedOut = { ...command, state: "exited", fault: "none" };
const program = {
  ...carriedOut,
  exitCode: 0,
  stdout: "42\n",
  stderr: "",
  truncated: false,
  cpuMs: 14.2,
  wallMs: 16.8,
  peakMemoryBytes: 9_437_184,
  oomKills: 0,
};
const answer = { success: true, result: program, error: null, durationMs: 18.1 };
const entry = {
  name: "hello.py",
  path: "hello.py",
  type: "file",
  size: 22,
  mode: "0644",
  modifiedAt: "2026-11-25T10:00:05.000Z",
};

/** One request and its answer a method. */
export const EXAMPLES: Record<MethodName, { params: object; result: object }> = {
  initialize: {
    params: { clientName: "my-agent", clientVersion: "1.0" },
    result: {
      name: "codebeaker",
      version: "0.1.0",
      protocolVersion: 1,
      languages: ["python", "javascript", "go", "csharp"],
      limits: { maxMessageBytes: 1_048_576, maxOutputBytes: 268_435_456, maxOpenCommands: 64 },
    },
  },
  "language.list": {
    params: {},
    result: { languages: [{ name: "python", aliases: [], image: "codebeaker-python:latest" }] },
  },
  "session.create": {
    params: { language: "python", memoryLimitMB: 256 },
    result: {
      ...session,
      containerId: info.containerId,
      language: "python",
      createdAt: info.createdAt,
      state: "Active",
      config: { idleTimeoutMinutes: 30, maxLifetimeMinutes: 120 },
    },
  },
  "session.execute": {
    params: {
      ...session,
      ...command,
      command: { type: "execute_shell", commandName: "python3", args: ["-c", "print(6 * 7)"] },
      stream: true,
    },
    result: answer,
  },
  "session.get": { params: session, result: info },
  "session.list": { params: {}, result: { count: 1, sessions: [info] } },
  "session.close": { params: session, result: { ...session, closed: true } },
  "execution.run": { params: { ...command, language: "python", code: "print(6 * 7)" }, result: answer },
  "execution.status": {
    params: command,
    result: {
      ...session,
      ...carriedOut,
      queuedAt: "2026-11-25T10:00:05.000Z",
      startedAt: "2026-11-25T10:00:05.001Z",
      endedAt: "2026-11-25T10:00:05.019Z",
      ...answer,
    },
  },
  "execution.attach": {
    params: { ...command, fromSeq: 17 },
    result: { ...session, ...command, state: "running", firstSeq: 1, lastSeq: 16 },
  },
  "execution.detach": { params: command, result: { ...command, detached: true } },
  "execution.cancel": {
    params: { ...command, signal: "SIGINT", graceMs: 2000 },
    result: { ...command, state: "running" },
  },
  "execution.input": { params: { ...command, data: "yes\n" }, result: { ...command, inputOffset: 4 } },
  "execution.resize": {
    params: { ...command, columns: 120, rows: 40 },
    result: { ...command, columns: 120, rows: 40 },
  },
  "session.attach": { params: session, result: info },
  "session.detach": { params: session, result: { ...session, detached: true } },
  "rpc.discover": { params: {}, result: { openrpc: "1.3.2" } },
};

/** One command of each type, with the `result` of its answer. */
export const COMMAND_EXAMPLES: Record<Command["type"], { command: object; result: object }> = {
  execute_shell: {
    command: {
      type: "execute_shell",
      commandName: "bash",
      args: ["-c", 'echo "$GREETING"; exit 3'],
      env: { GREETING: "hello" },
    },
    result: { ...program, fault: "program", exitCode: 3, stdout: "hello\n" },
  },
  execute_code: {
    command: { type: "execute_code", code: "print(6 * int(input()))", stdin: "7\n" },
    result: program,
  },
  write_file: {
    command: { type: "write_file", path: "hello.py", content: "print('hello', 6 * 7)\n" },
    result: { ...carriedOut, path: "hello.py", bytes: 22 },
  },
  read_file: {
    command: { type: "read_file", path: "hello.py" },
    result: {
      ...carriedOut,
      path: "hello.py",
      content: "print('hello', 6 * 7)\n",
      encoding: "utf8",
      bytes: 22,
      size: 22,
      offset: 0,
      truncated: false,
    },
  },
  create_directory: {
    command: { type: "create_directory", path: "data/raw" },
    result: { ...carriedOut, path: "data/raw", created: true },
  },
  copy_file: {
    command: { type: "copy_file", source: "hello.py", destination: "data/hello.py" },
    result: { ...carriedOut, source: "hello.py", destination: "data/hello.py", bytes: 22 },
  },
  move_file: {
    command: { type: "move_file", source: "hello.py", destination: "main.py", overwrite: false },
    result: { ...carriedOut, source: "hello.py", destination: "main.py" },
  },
  delete_file: {
    command: { type: "delete_file", path: "data", recursive: true },
    result: { ...carriedOut, path: "data", removed: true },
  },
  stat_file: {
    command: { type: "stat_file", path: "hello.py" },
    result: { ...carriedOut, ...entry },
  },
  list_files: {
    command: { type: "list_files", path: "/workspace" },
    result: {
      ...carriedOut,
      path: "/workspace",
      entries: [{ ...entry, path: "/workspace/hello.py" }],
      truncated: false,
    },
  },
};

/** The `params` of one notification of each kind. */
export const NOTIFICATION_EXAMPLES: Record<NotificationName, object> = {
  "execution.started": { ...session, ...command },
  "execution.output": {
    ...session,
    ...command,
    seq: 1,
    stream: "stdout",
    data: "42\n",
    encoding: "utf8",
  },
  "execution.gap": { ...session, ...command, fromSeq: 1, toSeq: 14 },
  "execution.ended": { ...session, ...carriedOut, exitCode: 0 },
  "session.state": { ...session, state: "Closed", closeReason: "idle" },
};
