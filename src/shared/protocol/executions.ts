import { z } from "zod";
import { Command, checkEncoding, Encoding, SourceFile, TerminalSize } from "./commands.ts";
import { CommandState, Fault, Limit } from "./verdict.ts";

export const CommandId = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,128}$/, "1 to 128 letters, digits, '_', '.' and '-'")
  .describe("The command: 1 to 128 letters, digits, `_`, `.` and `-`.");

export const SessionId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,128}$/, "is no id of a session")
  .describe("The session.");

const MIB = 1_048_576;

/** How a command is delivered: what stands beside `command`. Durations in milliseconds, sizes in bytes. */
const delivery = {
  commandId: CommandId.optional().describe(
    "A name of the client's choice, which makes the request safe to repeat: with the same content it joins the first one. The server makes one up when absent.",
  ),
  stream: z
    .boolean()
    .default(false)
    .describe("Whether the output is sent to this connection as it comes, before the answer."),
  timeoutMs: z
    .int()
    .min(1)
    .max(86_400_000)
    .optional()
    .describe(
      "How long it may run; then it is ended with all that it started. Absent: 300,000, in the background no limit.",
    ),
  queueTimeoutMs: z
    .int()
    .min(1)
    .max(86_400_000)
    .default(600_000)
    .describe("How long it may wait before it starts; then it is `expired` and never runs."),
  maxOutputBytes: z
    .int()
    .min(0)
    .default(16 * MIB)
    .describe(
      "How much of its output is kept, stdout and stderr together; the most is `limits.maxOutputBytes` of `initialize`.",
    ),
  keep: z
    .enum(["head", "tail"])
    .optional()
    .describe(
      "What is kept of more output than that: its beginning or its end. Absent: `head`, in the background `tail`.",
    ),
};

export const SessionExecuteParams = z.strictObject({
  sessionId: SessionId,
  command: Command.describe("What to do, by its `type`."),
  background: z
    .boolean()
    .default(false)
    .describe("Answers at once with the `commandId`; the commands behind it run beside it."),
  ...delivery,
});
export type SessionExecuteParams = z.infer<typeof SessionExecuteParams>;

export const resources = {
  memoryLimitMB: z
    .int()
    .min(64)
    .max(1_048_576)
    .default(512)
    .describe(
      "Memory in MB of 1,048,576 bytes, for all programs of the container together; its files are a part of it.",
    ),
  cpus: z.number().min(0.1).max(64).default(1).describe("CPUs, also a fraction of one."),
};

/** Runs one program in a container of its own, which is thrown away. */
export const ExecutionRunParams = z.strictObject({
  language: z.string().describe("A language or one of its aliases, as `language.list` has them."),
  code: z.string().describe("The program."),
  files: z.array(SourceFile).max(100).optional().describe("Files that are written before it runs."),
  stdin: z.string().optional().describe("What it reads, and behind it the end of the file."),
  args: z.array(z.string()).default([]).describe("Its arguments, each as it is."),
  wait: z
    .boolean()
    .default(true)
    .describe(
      "Whether the answer waits for the end. `false`: it comes at once with the `commandId`, which `execution.status` and `execution.attach` follow.",
    ),
  ...resources,
  ...delivery,
});
export type ExecutionRunParams = z.infer<typeof ExecutionRunParams>;

export const CommandParams = z.strictObject({ commandId: CommandId });

/** Signals that a client may send. */
export const Signal = z.enum(["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGKILL"]);

export const ExecutionCancelParams = z.strictObject({
  commandId: CommandId,
  signal: Signal.default("SIGTERM").describe("The first signal, to all that the command started."),
  graceMs: z.int().min(0).max(300_000).default(5000).describe("How long after it what is left gets SIGKILL."),
});
export const ExecutionCancelResult = z.object({
  commandId: CommandId,
  state: CommandState.describe("What it was when it was cancelled; one that had ended stays as it ended."),
});

const inputOffset = z.int().min(0);

export const ExecutionInputParams = z
  .strictObject({
    commandId: CommandId,
    offset: inputOffset
      .optional()
      .describe(
        "Where in the input the data stands, in bytes: with it a repeat adds nothing. Absent: behind all that was sent before.",
      ),
    data: z.string().default("").describe("The bytes, as `encoding` says."),
    encoding: Encoding.default("utf8").describe("How `data` stands for bytes."),
    eof: z
      .boolean()
      .default(false)
      .describe("Whether the input ends behind the data; a terminal gets its end-of-file character."),
  })
  .superRefine(({ data, encoding }, context) => checkEncoding({ content: data, encoding }, context, "data"));
export const ExecutionInputResult = z.object({
  commandId: CommandId,
  inputOffset: inputOffset.describe("Where the input ends now: the `offset` of what comes next."),
});

export const ExecutionResizeParams = TerminalSize.extend({ commandId: CommandId });
export const ExecutionResizeResult = TerminalSize.extend({ commandId: CommandId });

const seq = z.int().min(0);

export const ExecutionAttachParams = z.strictObject({
  commandId: CommandId,
  fromSeq: z.int().min(1).default(1).describe("The first sequence number wanted: the last one seen + 1."),
});
export const ExecutionAttachResult = z.object({
  sessionId: SessionId,
  commandId: CommandId,
  state: CommandState,
  firstSeq: seq.describe("The oldest sequence number that is still there."),
  lastSeq: seq.describe("The newest one; 0 while there is no output."),
});
export const ExecutionDetachResult = z.object({
  commandId: CommandId,
  detached: z.boolean().describe("Whether anything was attached."),
});

/** What is said of every command that has ended: how, and whose doing it was. */
export const VerdictFields = z.object({
  commandId: CommandId,
  state: CommandState,
  fault: Fault,
  limit: Limit.optional(),
});

/** The result of what runs a program. */
export const ProgramResult = VerdictFields.extend({
  exitCode: z.int().nullable().describe("Null when a signal ended the program, or when nothing ran."),
  signal: z.string().optional().describe("The signal that ended the program, where one did."),
  stdout: z.string().describe("At most 1 MiB; the rest can be read by `execution.attach`."),
  stderr: z.string().describe("The same of stderr; of a terminal it is empty."),
  lossy: z
    .literal(true)
    .optional()
    .describe("Bytes that are no UTF-8 stand in stdout or stderr as U+FFFD; streams carry them exactly."),
  truncated: z
    .boolean()
    .describe(
      "Not all of the output is here: it was over `maxOutputBytes`, or over the 1 MiB of a response.",
    ),
  cpuMs: z.number().describe("CPU time of all that the command started."),
  wallMs: z.number().describe("Time from its start to its end."),
  peakMemoryBytes: z.number().describe("The most memory that it used at once."),
  oomKills: z.number().describe("How many processes the kernel killed for lack of memory meanwhile."),
});
export type ProgramResult = z.infer<typeof ProgramResult>;

export const FileEntry = z.object({
  name: z.string().describe("The last part of the path."),
  path: z.string().describe("The path that was asked for; in a listing with the name behind it."),
  type: z.enum(["file", "directory", "symlink", "fifo", "socket", "device"]).describe("What it is."),
  size: z.number().describe("Bytes."),
  mode: z.string().describe("Permissions in octal, as `0644`."),
  modifiedAt: z.string().describe("ISO 8601."),
  target: z.string().optional().describe("What a symbolic link points to."),
});

/** The result of a file command: what it did, beside the verdict. */
export const FileResult = VerdictFields.extend({
  path: z.string().optional(),
  source: z.string().optional(),
  destination: z.string().optional(),
  content: z.string().optional().describe("What was read, as `encoding` says."),
  encoding: z.enum(["utf8", "base64"]).optional(),
  bytes: z.number().optional().describe("How many bytes were read, written or copied."),
  size: z.number().optional().describe("The size of the file, in bytes."),
  offset: z.number().optional().describe("Where in the file the content begins."),
  created: z.boolean().optional().describe("Whether the folder was made, or there already."),
  removed: z.boolean().optional(),
  name: z.string().optional(),
  type: FileEntry.shape.type.optional(),
  mode: z.string().optional(),
  modifiedAt: z.string().optional(),
  target: z.string().optional(),
  truncated: z.boolean().optional().describe("Whether there is more than this."),
  entries: z.array(FileEntry).optional(),
});
export type FileResult = z.infer<typeof FileResult>;

/** What is answered at once of a command in the background, or of a run that nobody waits for. */
export const StartedResult = VerdictFields.pick({ commandId: true, state: true }).extend({
  sessionId: SessionId,
});
export type StartedResult = z.infer<typeof StartedResult>;

/** What `session.execute` and `execution.run` answer. */
export const ExecuteResult = z.object({
  success: z
    .boolean()
    .describe("Whether the command was carried out to its end, whatever the program's exit code."),
  result: z
    .union([ProgramResult, FileResult, StartedResult])
    .describe("What there is, also without success: the verdict, and what the command is about."),
  error: z.string().nullable().describe("Without success: why, and what to do. Else null."),
  durationMs: z.number().describe("Time in the session, from the start of the command to its end."),
});
export type ExecuteResult = z.infer<typeof ExecuteResult>;

/** Where a command is; after its end also what `session.execute` answered. */
export const ExecutionStatusResult = VerdictFields.omit({ fault: true }).extend({
  sessionId: SessionId,
  fault: Fault.optional(),
  queuedAt: z.string().describe("ISO 8601, as the others."),
  startedAt: z.string().optional(),
  endedAt: z.string().optional(),
  ...ExecuteResult.partial().shape,
});
export type ExecutionStatusResult = z.infer<typeof ExecutionStatusResult>;
