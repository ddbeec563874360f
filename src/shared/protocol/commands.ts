import { z } from "zod";

const WITHOUT_NUL = /^[^\0]*$/;

/** A path inside the container; relative ones are under /workspace. */
export const SandboxPath = z.string().min(1).max(4096).regex(WITHOUT_NUL, "must not hold a NUL byte");

/** An argument, as execve(2) takes it: any string without NUL. */
const Argument = z.string().regex(WITHOUT_NUL, "must not hold a NUL byte");

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

const sourceEncoding = Encoding.default("utf8").describe("How `content` stands for bytes.");

export const SourceFile = z
  .strictObject({
    path: SandboxPath.describe("Where it is written; a relative path is under /workspace."),
    content: z.string().describe("Its bytes, as `encoding` says."),
    encoding: sourceEncoding,
  })
  .superRefine(checkEncoding);

const offset = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

/** The size of a terminal, in characters. */
export const TerminalSize = z.strictObject({
  columns: z.int().min(1).max(1000).describe("Characters in a line."),
  rows: z.int().min(1).max(1000).describe("Lines."),
});

const programArguments = z.array(Argument).default([]).describe("Its arguments, each as it is.");

/** What every program can be given. */
const program = {
  workingDirectory: SandboxPath.optional().describe("The folder that it starts in: /workspace when absent."),
  env: Environment.optional().describe("Variables added to the environment of the image."),
  stdin: z
    .string()
    .optional()
    .describe(
      "What it reads; behind it the end of the file, unless `keepStdinOpen` or `pty`. Absent: /dev/null.",
    ),
  keepStdinOpen: z
    .boolean()
    .default(false)
    .describe("Leaves stdin open behind `stdin`, so that `execution.input` can send more."),
  pty: z
    .union([z.boolean(), TerminalSize])
    .default(false)
    .describe(
      "Gives it a terminal, of 80 × 24 characters or of the size given: stdin stays open, and stderr comes with stdout.",
    ),
};

/** argv as execve(2) has it. */
export const ExecuteShell = z
  .strictObject({
    type: z.literal("execute_shell"),
    commandName: Argument.min(1).describe("The program: a name on the PATH, or a path."),
    args: programArguments,
    ...program,
  })
  .describe(
    'Runs a program with its arguments, no shell in between. For a line of shell: `commandName` `bash`, `args` `["-c", line]`.',
  );

export const ExecuteCode = z
  .strictObject({
    type: z.literal("execute_code"),
    code: z.string().describe("The program, in the session's language."),
    files: z
      .array(SourceFile)
      .max(100)
      .optional()
      .describe(
        "Files that are written before it runs, and stay. In Go and C# those in /workspace are compiled with it.",
      ),
    args: programArguments,
    ...program,
  })
  .describe("Runs a program in the session's language; a compiled language is compiled first.");

/** `Create` and `Overwrite` are the same, as .NET's FileMode has them. */
export const WriteFile = z
  .strictObject({
    type: z.literal("write_file"),
    path: SandboxPath.describe("The file; missing folders are made."),
    content: z.string().describe("Its bytes, as `encoding` says."),
    mode: z
      .enum(["Create", "Append", "Overwrite", "CreateNew"])
      .default("Create")
      .describe(
        "`Create` and `Overwrite` create or replace, `Append` adds at the end, `CreateNew` refuses a file that exists.",
      ),
    encoding: sourceEncoding,
    offset: offset
      .optional()
      .describe(
        "Writes the bytes there, and the rest of the file stays. Absent: the whole file is replaced.",
      ),
  })
  .superRefine(checkEncoding)
  .describe("Writes a file, whole or a part of it. One over 1 MiB goes in parts, by `Append` or `offset`.");

export const ReadFile = z
  .strictObject({
    type: z.literal("read_file"),
    path: SandboxPath.describe("The file."),
    encoding: Encoding.optional().describe(
      "How the bytes come back. Absent: `utf8` where they are UTF-8, else `base64`. With `utf8` other bytes become U+FFFD.",
    ),
    offset: offset.optional().describe("The first byte wanted: 0 when absent."),
    length: z.int().min(0).max(1_048_576).optional().describe("How many bytes at most: 1 MiB when absent."),
  })
  .describe(
    "Reads a file, at most 1 MiB at once; `truncated` says that more follows, from `offset + bytes` on.",
  );

export const CreateDirectory = z
  .strictObject({ type: z.literal("create_directory"), path: SandboxPath.describe("The folder.") })
  .describe("Makes a folder with its parents; one that is there already is no error (`created` is false).");

export const CopyFile = z
  .strictObject({
    type: z.literal("copy_file"),
    source: SandboxPath.describe("The file."),
    destination: SandboxPath.describe("The name of the copy, not the folder for it."),
    overwrite: z.boolean().default(true).describe("Whether a file that is there is replaced, or refused."),
  })
  .describe("Copies a file.");

export const MoveFile = z
  .strictObject({
    type: z.literal("move_file"),
    source: SandboxPath.describe("The file or folder."),
    destination: SandboxPath.describe("Its new name, not the folder for it."),
    overwrite: z.boolean().default(true).describe("Whether a file that is there is replaced, or refused."),
  })
  .describe("Moves or renames a file or a folder.");

export const DeleteFile = z
  .strictObject({
    type: z.literal("delete_file"),
    path: SandboxPath.describe("The file or folder; of a symbolic link the link."),
    recursive: z.boolean().default(false).describe("Whether a folder goes with all that is in it."),
  })
  .describe("Deletes a file, or a folder; one that is not empty only with `recursive`.");

export const StatFile = z
  .strictObject({ type: z.literal("stat_file"), path: SandboxPath.describe("The file, folder or link.") })
  .describe("Describes a file. A symbolic link is described itself, not what it points to.");

export const ListFiles = z
  .strictObject({
    type: z.literal("list_files"),
    path: SandboxPath.default("/workspace").describe("The folder."),
    recursive: z.boolean().default(false).describe("Whether what is below its folders is listed, too."),
    includeHidden: z
      .boolean()
      .default(false)
      .describe("Whether names that begin with a dot are listed, too."),
  })
  .describe(
    "Lists a folder, in the order of the names, what is in a folder right behind it; `truncated` says that there is more than the answer holds (10,000 entries, 3 MiB).",
  );

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
