import { randomBytes } from "node:crypto";
import { posix } from "node:path";
import type { Command } from "../../shared/protocol/commands.ts";
import type { Step } from "../agent/messages.ts";
import { programStep } from "./program.ts";

type ExecuteCode = Extract<Command, { type: "execute_code" }>;

const WORKSPACE = "/workspace";

/** Where a program stands and what runs it; `folder` is its own, below /workspace. */
interface Program {
  file: string;
  /** What has to succeed before the program runs, and what it makes. */
  compile?: string[];
  executable?: string;
  run: string[];
}

/** Interpreters read the program where the files of the session are, so that it can import them. */
function interpreted(interpreter: string, extension: string, name: string): Program {
  const file = posix.join(WORKSPACE, `.${name}.${extension}`);
  return { file, run: [interpreter, file] };
}

/** Sources in the folder of the session that belong to the program, by the files that came with it. */
function sources(command: ExecuteCode, extension: string): string[] {
  return (command.files ?? [])
    .map(({ path }) => posix.resolve(WORKSPACE, path))
    .filter((path) => path.endsWith(extension) && posix.dirname(path) === WORKSPACE);
}

/**
 * A module (files with a go.mod) is built as the package in /workspace; else the program and its files are the package.
 * Built and then run, since `go run` ends with 1 whatever the program's exit code.
 */
function goProgram(command: ExecuteCode, name: string): Program {
  // Go leaves out files whose names begin with '.' or '_', and takes *_test.go for tests.
  const file = posix.join(WORKSPACE, `main-${name}.go`);
  const executable = posix.join("/tmp", name);
  const isModule = (command.files ?? []).some(
    ({ path }) => posix.resolve(WORKSPACE, path) === `${WORKSPACE}/go.mod`,
  );
  const what = isModule ? ["."] : [file, ...sources(command, ".go")];
  // Without symbols and debug information it links faster; traces need neither.
  return {
    file,
    executable,
    compile: ["go", "build", "-ldflags=-s -w", "-o", executable, ...what],
    run: [executable],
  };
}

function csharpProgram(command: ExecuteCode, name: string): Program {
  const file = posix.join(WORKSPACE, `.${name}.cs`);
  const executable = posix.join("/tmp", `${name}.exe`);
  return {
    file,
    executable,
    compile: ["csharp-compile", executable, file, ...sources(command, ".cs")],
    run: ["csharp-run", executable],
  };
}

function programOf(command: ExecuteCode, language: string, name: string): Program {
  switch (language) {
    case "python":
      return interpreted("python3", "py", name);
    case "javascript":
      // Node strips types (20 ms), and finds out itself whether it is an ES module.
      return interpreted("node", "ts", name);
    case "go":
      return goProgram(command, name);
    case "csharp":
      return csharpProgram(command, name);
    default:
      throw new Error(`no way to run ${language}`);
  }
}

/**
 * Writes the program (and the files that came with it), compiles it where its language compiles, runs it in
 * /workspace, and removes what it wrote for the program itself.
 */
export function planCode(command: ExecuteCode, language: string): Step[] {
  const program = programOf(command, language, `codebeaker-${randomBytes(6).toString("hex")}`);
  const write = (path: string, content: string, encoding: "utf8" | "base64"): Step => ({
    op: "write",
    path,
    content,
    encoding,
    mode: "create",
  });
  const cleanUp = (path: string): Step => ({
    op: "remove",
    path,
    recursive: true,
    ignoreMissing: true,
    always: true,
  });
  return [
    ...(command.files ?? []).map(({ path, content, encoding }) => write(path, content, encoding)),
    write(program.file, command.code, "utf8"),
    ...(program.compile ? [{ op: "run", argv: program.compile, env: command.env } as const] : []),
    programStep(command, [...program.run, ...command.args]),
    cleanUp(program.file),
    ...(program.executable ? [cleanUp(program.executable)] : []),
  ];
}
