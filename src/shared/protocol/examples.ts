import type { MethodName } from "./methods.ts";

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
const answer = {
  success: true,
  result: {
    ...command,
    state: "exited",
    fault: "none",
    exitCode: 0,
    stdout: "42\n",
    stderr: "",
    truncated: false,
    cpuMs: 14.2,
    wallMs: 16.8,
    peakMemoryBytes: 9_437_184,
    oomKills: 0,
  },
  error: null,
  durationMs: 18.1,
};

/** One request and its answer a method, as the documentation shows them. A test holds them against the schemas. */
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
  "execution.run": { params: { language: "python", code: "print(6 * 7)" }, result: answer },
  "execution.status": {
    params: command,
    result: {
      ...session,
      ...command,
      state: "exited",
      fault: "none",
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
