import { z } from "zod";

/** A path inside the container; relative ones are under /workspace. */
export const SandboxPath = z
  .string()
  .min(1)
  .max(4096)
  .refine((path) => !path.includes("\0"), "must not hold a NUL byte");

/** An argument, as execve(2) takes it: any string without NUL. */
const Argument = z.string().refine((value) => !value.includes("\0"), "must not hold a NUL byte");

const Environment = z.record(z.string().regex(/^[^=\0]+$/, "a name holds no '=' and no NUL byte"), Argument);

export const Encoding = z.enum(["utf8", "base64"]);

const Base64 = z.base64("is not base64");

/** Bytes as text: `content` (on the wire `field`) is checked against `encoding`. */
export function checkEncoding(
  value: { content: string; encoding?: "utf8" | "base64" | undefined },
  context: z.RefinementCtx,
  field = "content",
) {
  if (value.encoding !== "base64") return;
  const checked = Base64.safeParse(value.content);
  if (!checked.success) context.addIssue({ code: "custom", path: [field], message: "is not base64" });
}

export const SourceFile = z
  .strictObject({ path: SandboxPath, content: z.string(), encoding: Encoding.default("utf8") })
  .superRefine(checkEncoding);

const offset = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

/** The size of a terminal, in characters. */
export const TerminalSize = z.strictObject({
  columns: z.int().min(1).max(1000),
  rows: z.int().min(1).max(1000),
});

/** What every program can be given. */
const program = {
  workingDirectory: SandboxPath.optional(),
  env: Environment.optional(),
  /** What the program reads; after it the end of the file, unless `keepStdinOpen`. Without it /dev/null. */
  stdin: z.string().optional(),
  /** `execution.input` can send more. */
  keepStdinOpen: z.boolean().default(false),
  /** A terminal, 80 × 24 unless a size is given: stdin stays open, and stderr comes with stdout. */
  pty: z.union([z.boolean(), TerminalSize]).default(false),
};

/** What runs a program: argv as execve(2) has it, no shell in between. `workingDirectory` defaults to /workspace. */
export const ExecuteShell = z.strictObject({
  type: z.literal("execute_shell"),
  commandName: Argument.min(1),
  args: z.array(Argument).default([]),
  ...program,
});

/** A program in the session's language. `files` are written beside it before it runs. */
export const ExecuteCode = z.strictObject({
  type: z.literal("execute_code"),
  code: z.string(),
  files: z.array(SourceFile).max(100).optional(),
  args: z.array(Argument).default([]),
  ...program,
});

/**
 * `Create` (the default) and `Overwrite` create or replace, `CreateNew` refuses what exists, as .NET's FileMode.
 * With `offset` the bytes go there and the rest of the file stays.
 */
export const WriteFile = z
  .strictObject({
    type: z.literal("write_file"),
    path: SandboxPath,
    content: z.string(),
    mode: z.enum(["Create", "Append", "Overwrite", "CreateNew"]).default("Create"),
    encoding: Encoding.default("utf8"),
    offset: offset.optional(),
  })
  .superRefine(checkEncoding);

/** At most 1 MiB at once. Without `encoding`: utf8 when the bytes are UTF-8, else base64. */
export const ReadFile = z.strictObject({
  type: z.literal("read_file"),
  path: SandboxPath,
  encoding: Encoding.optional(),
  offset: offset.optional(),
  length: z.int().min(0).max(1_048_576).optional(),
});

/** Missing parents are made; a folder that is there already is no error. */
export const CreateDirectory = z.strictObject({
  type: z.literal("create_directory"),
  path: SandboxPath,
});

export const CopyFile = z.strictObject({
  type: z.literal("copy_file"),
  source: SandboxPath,
  destination: SandboxPath,
  overwrite: z.boolean().default(true),
});

export const MoveFile = z.strictObject({
  type: z.literal("move_file"),
  source: SandboxPath,
  destination: SandboxPath,
  overwrite: z.boolean().default(true),
});

/** A folder that is not empty only with `recursive`. */
export const DeleteFile = z.strictObject({
  type: z.literal("delete_file"),
  path: SandboxPath,
  recursive: z.boolean().default(false),
});

/** A symbolic link is described itself, not what it points to. */
export const StatFile = z.strictObject({ type: z.literal("stat_file"), path: SandboxPath });

export const ListFiles = z.strictObject({
  type: z.literal("list_files"),
  path: SandboxPath.default("/workspace"),
  recursive: z.boolean().default(false),
  includeHidden: z.boolean().default(false),
});

/** What a session can be told to do. */
export const Command = z.discriminatedUnion("type", [
  ExecuteShell,
  ExecuteCode,
  WriteFile,
  ReadFile,
  CreateDirectory,
  CopyFile,
  MoveFile,
  DeleteFile,
  StatFile,
  ListFiles,
]);
export type Command = z.infer<typeof Command>;

export type ProgramCommand = Extract<Command, { type: "execute_shell" | "execute_code" }>;

/** Whether a command's result is that of a program (exit code, stdout, stderr) or that of a file operation. */
export function runsProgram(type: Command["type"]): boolean {
  return type === "execute_shell" || type === "execute_code";
}

/** Whether `execution.input` can send a command more. */
export function takesInput(command: Command): boolean {
  return "keepStdinOpen" in command && (command.keepStdinOpen || command.pty !== false);
}

/** Other names for a command: of the type, and of its fields. (Maps: a client may send `constructor`.) */
export const COMMAND_ALIASES: ReadonlyMap<string, { type: string; fields: ReadonlyMap<string, string> }> =
  new Map([
    ["shell", { type: "execute_shell", fields: new Map([["command", "commandName"]]) }],
    ["execute", { type: "execute_code", fields: new Map() }],
    ["create_dir", { type: "create_directory", fields: new Map() }],
  ]);
