import { z } from "zod";
import { Command, checkEncoding, Encoding, SourceFile, TerminalSize } from "./commands.ts";
import { CommandState, Fault, Limit } from "./verdict.ts";

export const CommandId = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,128}$/, "1 to 128 letters, digits, '_', '.' and '-'");

export const SessionId = z.string().min(1).max(128);

const MIB = 1_048_576;

/** How a command is delivered: what stands beside `command`. Durations in milliseconds, sizes in bytes. */
const delivery = {
  commandId: CommandId.optional(),
  /** Whether its output is sent to this connection as it comes. */
  stream: z.boolean().default(false),
  /** Default: 300 000, in the background none. */
  timeoutMs: z.int().min(1).max(86_400_000).optional(),
  queueTimeoutMs: z.int().min(1).max(86_400_000).default(600_000),
  maxOutputBytes: z
    .int()
    .min(0)
    .default(16 * MIB),
  /** What stays of an output over `maxOutputBytes`: default `head`, in the background `tail`. */
  keep: z.enum(["head", "tail"]).optional(),
};

export const SessionExecuteParams = z.strictObject({
  sessionId: SessionId,
  command: Command,
  /** Answer at once with the commandId, and let the commands behind it go on beside it. */
  background: z.boolean().default(false),
  ...delivery,
});
export type SessionExecuteParams = z.infer<typeof SessionExecuteParams>;

/** Memory in MB of 1,048,576 bytes; `cpus` may be a fraction. */
export const resources = {
  memoryLimitMB: z.int().min(64).max(1_048_576).default(512),
  cpus: z.number().min(0.1).max(64).default(1),
};

/** Runs one program in a container of its own, which is thrown away. */
export const ExecutionRunParams = z.strictObject({
  language: z.string(),
  code: z.string(),
  files: z.array(SourceFile).max(100).optional(),
  stdin: z.string().optional(),
  args: z.array(z.string()).default([]),
  /** `false`: answer at once with the commandId; execution.status and execution.attach follow it. */
  wait: z.boolean().default(true),
  ...resources,
  ...delivery,
});
export type ExecutionRunParams = z.infer<typeof ExecutionRunParams>;

export const CommandParams = z.strictObject({ commandId: CommandId });

/** Signals that a client may send; after `graceMs` SIGKILL follows. */
export const Signal = z.enum(["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGKILL"]);

export const ExecutionCancelParams = z.strictObject({
  commandId: CommandId,
  signal: Signal.default("SIGTERM"),
  graceMs: z.int().min(0).max(300_000).default(5000),
});
export const ExecutionCancelResult = z.object({
  commandId: CommandId,
  /** What it was when it was cancelled; one that had ended stays as it ended. */
  state: CommandState,
});

/** Without `offset` behind all that was sent before; with it a repeat adds nothing. */
export const ExecutionInputParams = z
  .strictObject({
    commandId: CommandId,
    offset: z.int().min(0).optional(),
    data: z.string().default(""),
    encoding: Encoding.default("utf8"),
    eof: z.boolean().default(false),
  })
  .superRefine(({ data, encoding }, context) => checkEncoding({ content: data, encoding }, context, "data"));
export const ExecutionInputResult = z.object({ commandId: CommandId, inputOffset: z.int() });

export const ExecutionResizeParams = TerminalSize.extend({ commandId: CommandId });
export const ExecutionResizeResult = TerminalSize.extend({ commandId: CommandId });

/** `fromSeq`: the first one wanted. */
export const ExecutionAttachParams = z.strictObject({
  commandId: CommandId,
  fromSeq: z.int().min(1).default(1),
});
/** `firstSeq` is the oldest that is still there; 0 for `lastSeq` when there is no output yet. */
export const ExecutionAttachResult = z.object({
  sessionId: SessionId,
  commandId: CommandId,
  state: CommandState,
  firstSeq: z.int(),
  lastSeq: z.int(),
});
export const ExecutionDetachResult = z.object({ commandId: CommandId, detached: z.boolean() });

/** What is said of every command that has ended: how, and whose doing it was. */
export const VerdictFields = z.object({
  commandId: CommandId,
  state: CommandState,
  fault: Fault,
  limit: Limit.optional(),
});

/** The result of what runs a program. `exitCode` is null when a signal ended it or nothing ran. */
export const ProgramResult = VerdictFields.extend({
  exitCode: z.int().nullable(),
  signal: z.string().optional(),
  stdout: z.string(),
  stderr: z.string(),
  /** Bytes that are no UTF-8 stand in stdout or stderr as U+FFFD. */
  lossy: z.literal(true).optional(),
  /** Not all of the output is here: it was over `maxOutputBytes`, or over the 1 MiB that a response holds. */
  truncated: z.boolean(),
  cpuMs: z.number(),
  wallMs: z.number(),
  peakMemoryBytes: z.number(),
  oomKills: z.number(),
});
export type ProgramResult = z.infer<typeof ProgramResult>;

export const FileEntry = z.object({
  name: z.string(),
  path: z.string(),
  type: z.enum(["file", "directory", "symlink", "fifo", "socket", "device"]),
  size: z.number(),
  mode: z.string(),
  modifiedAt: z.string(),
  target: z.string().optional(),
});

/** The result of a file command: what it did, beside the verdict. */
export const FileResult = VerdictFields.extend({
  path: z.string(),
  source: z.string(),
  destination: z.string(),
  content: z.string(),
  encoding: z.enum(["utf8", "base64"]),
  bytes: z.number(),
  size: z.number(),
  offset: z.number(),
  created: z.boolean(),
  removed: z.boolean(),
  name: z.string(),
  type: FileEntry.shape.type,
  mode: z.string(),
  modifiedAt: z.string(),
  target: z.string(),
  truncated: z.boolean(),
  entries: z.array(FileEntry),
}).partial({
  path: true,
  source: true,
  destination: true,
  content: true,
  encoding: true,
  bytes: true,
  size: true,
  offset: true,
  created: true,
  removed: true,
  name: true,
  type: true,
  mode: true,
  modifiedAt: true,
  target: true,
  truncated: true,
  entries: true,
});
export type FileResult = z.infer<typeof FileResult>;

/** What is answered at once of a command in the background, or of a run that nobody waits for. */
export const StartedResult = VerdictFields.pick({ commandId: true, state: true }).extend({
  sessionId: SessionId,
});
export type StartedResult = z.infer<typeof StartedResult>;

/**
 * What `session.execute` and `execution.run` answer. `success`: the command was carried out to its end, whatever the
 * program's exit code. Otherwise `error` says why and what to do, and `result` holds what there was.
 */
export const ExecuteResult = z.object({
  success: z.boolean(),
  result: z.union([ProgramResult, FileResult, StartedResult]),
  error: z.string().nullable(),
  durationMs: z.number(),
});
export type ExecuteResult = z.infer<typeof ExecuteResult>;

/** Where a command is; after its end also what `session.execute` answered. */
export const ExecutionStatusResult = VerdictFields.omit({ fault: true }).extend({
  sessionId: SessionId,
  fault: Fault.optional(),
  queuedAt: z.string(),
  startedAt: z.string().optional(),
  endedAt: z.string().optional(),
  ...ExecuteResult.partial().shape,
});
export type ExecutionStatusResult = z.infer<typeof ExecutionStatusResult>;
