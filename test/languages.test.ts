import { describe, expect, test } from "vitest";
import type { Json } from "./support/client.ts";
import { type TestSession, withSession } from "./support/session.ts";

/** One program a language that reads its arguments and its stdin, and what else each language has to show. */
const languages = {
  python: {
    echo: "import sys\nprint('args', *sys.argv[1:])\nprint('stdin', sys.stdin.read())\nprint('err', file=sys.stderr)",
    fails: "def f():\n    raise ValueError('it broke')\nf()",
    trace: /Traceback[\s\S]*ValueError: it broke/,
    exits: "import sys; print('printed'); sys.exit(41)",
  },
  javascript: {
    echo: [
      "const { readFileSync } = require('node:fs');",
      "console.log('args', ...process.argv.slice(2));",
      "console.log('stdin', readFileSync(0, 'utf8'));",
      "console.error('err');",
    ].join("\n"),
    fails: "function f() { throw new TypeError('it broke'); }\nf();",
    trace: /TypeError: it broke\n\s+at f /,
    exits: "console.log('printed'); process.exit(41);",
  },
  go: {
    echo: [
      "package main",
      'import ("fmt"; "io"; "os"; "strings")',
      "func main() {",
      '  fmt.Println("args", strings.Join(os.Args[1:], " "))',
      "  text, _ := io.ReadAll(os.Stdin)",
      '  fmt.Println("stdin", string(text))',
      '  fmt.Fprintln(os.Stderr, "err")',
      "}",
    ].join("\n"),
    fails: 'package main\nfunc main() { panic("it broke") }',
    trace: /panic: it broke[\s\S]*main\.main/,
    exits: 'package main\nimport ("fmt"; "os")\nfunc main() { fmt.Println("printed"); os.Exit(41) }',
  },
  csharp: {
    echo: [
      "using System;",
      "class Program {",
      "  static void Main(string[] args) {",
      '    Console.WriteLine("args " + string.Join(" ", args));',
      '    Console.WriteLine("stdin " + Console.In.ReadToEnd());',
      '    Console.Error.WriteLine("err");',
      "  }",
      "}",
    ].join("\n"),
    fails: 'class P { static void Main() { throw new System.Exception("it broke"); } }',
    trace: /System\.Exception: it broke/,
    exits: 'class P { static int Main() { System.Console.WriteLine("printed"); return 41; } }',
  },
};

/** Whatever a program left in /workspace, hidden or not. */
async function expectNothingLeft({ file }: TestSession): Promise<void> {
  const { result } = await file({ type: "list_files", recursive: true, includeHidden: true });
  expect(result.entries).toEqual([]);
}

function code(text: string, more: Json = {}): Json {
  return { type: "execute_code", code: text, ...more };
}

describe.each(Object.entries(languages))("%s", (language, programs) => {
  test("a program with arguments and stdin; nothing of it is left", () =>
    withSession(
      async (session) => {
        const command = code(programs.echo, { args: ["one", "two żółć"], stdin: "line 1\nline 2" });
        expect(await session.program(command)).toMatchObject({
          success: true,
          error: null,
          result: {
            state: "exited",
            fault: "none",
            exitCode: 0,
            stdout: "args one two żółć\nstdin line 1\nline 2\n",
            stderr: "err\n",
          },
        });
        await expectNothingLeft(session);
      },
      { language },
    ));

  test("a program that fails: its trace on stderr, an exit code that is not 0, nothing left", () =>
    withSession(
      async (session) => {
        const answer = await session.program(code(programs.fails));
        expect(answer).toMatchObject({
          success: true,
          result: {
            state: "exited",
            fault: "program",
            stdout: "",
            stderr: expect.stringMatching(programs.trace),
          },
        });
        expect(answer.result.exitCode).not.toBe(0);
        await expectNothingLeft(session);
      },
      { language },
    ));

  test("its exit code is the program's own", () =>
    withSession(
      async ({ program }) => {
        const { result } = await program(code(programs.exits));
        expect(result).toMatchObject({
          state: "exited",
          fault: "program",
          exitCode: 41,
          stdout: "printed\n",
        });
        expect(result.stderr).toBe("");
      },
      { language },
    ));

  test("workingDirectory and env reach the program", () =>
    withSession(
      async ({ program, shell }) => {
        await shell("mkdir folder");
        const { result } = await program(
          code(whereAmI[language] ?? "", { workingDirectory: "folder", env: { GREETING: "hello" } }),
        );
        expect(result).toMatchObject({ exitCode: 0, stdout: "/workspace/folder hello\n" });
      },
      { language },
    ));

  test("one that runs for too long is ended, and nothing of it is left", () =>
    withSession(
      async (session) => {
        const answer = await session.program(code(forever[language] ?? ""), { timeoutMs: 8000 });
        expect(answer).toMatchObject({
          success: false,
          error: expect.stringContaining("8000 ms"),
          result: { state: "failed", fault: "limit", limit: "time", stdout: "begun\n" },
        });
        await expectNothingLeft(session);
      },
      { language },
    ));
});

const whereAmI: Record<string, string> = {
  python: "import os; print(os.getcwd(), os.environ['GREETING'])",
  javascript: "console.log(process.cwd(), process.env.GREETING)",
  go: 'package main\nimport ("fmt"; "os")\nfunc main() { d, _ := os.Getwd(); fmt.Println(d, os.Getenv("GREETING")) }',
  csharp:
    'using System; class P { static void Main() { Console.WriteLine(Environment.CurrentDirectory + " " + Environment.GetEnvironmentVariable("GREETING")); } }',
};

const forever: Record<string, string> = {
  python: "print('begun', flush=True)\nwhile True: pass",
  javascript: "console.log('begun'); for (;;);",
  go: 'package main\nimport "fmt"\nfunc main() { fmt.Println("begun"); for {} }',
  csharp: 'class P { static void Main() { System.Console.WriteLine("begun"); for (;;) {} } }',
};

describe("a program that does not compile: errors on stderr, not exit code 0, nothing runs, nothing left", () => {
  test.each([
    ["go", "package main\nfunc main() { undefinedName() }", /undefined: undefinedName/],
    ["csharp", "class P { static void Main() { undefinedName(); } }", /error CS0103.*undefinedName/],
    ["python", "print('never')\nthis is no python", /SyntaxError/],
    ["javascript", "console.log('never');\nthis is no javascript;", /SyntaxError/],
  ])("%s", (language, text, reason) =>
    withSession(
      async (session) => {
        const answer = await session.program(code(text));
        expect(answer).toMatchObject({
          success: true,
          error: null,
          result: { state: "exited", fault: "program", stdout: "", stderr: expect.stringMatching(reason) },
        });
        expect(answer.result.exitCode).toBeGreaterThan(0);
        await expectNothingLeft(session);
      },
      { language },
    ),
  );
});

describe("a program finds what lies in the session", () => {
  test("Python: modules, and files that came with it stay", () =>
    withSession(async ({ program, file }) => {
      await file({ type: "write_file", path: "mine.py", content: "def double(n): return 2 * n" });
      const files = [{ path: "package/data.py", content: "VALUE = 21" }];
      const { result } = await program(
        code("from mine import double\nfrom package.data import VALUE\nprint(double(VALUE))", { files }),
      );
      expect(result).toMatchObject({ stderr: "", stdout: "42\n" });
      const again = await program(code("from package.data import VALUE; print(VALUE)"));
      expect(again.result.stdout).toBe("21\n");
    }));

  test("JavaScript: by require and by import", () =>
    withSession(
      async ({ program, file }) => {
        await file({ type: "write_file", path: "mine.js", content: "exports.double = (n) => 2 * n;" });
        await file({ type: "write_file", path: "mine.mjs", content: "export const triple = (n) => 3 * n;" });
        const required = await program(code("console.log(require('./mine.js').double(21))"));
        expect(required.result).toMatchObject({ stderr: "", stdout: "42\n" });
        const imported = await program(
          code('import { triple } from "./mine.mjs";\nconsole.log(await Promise.resolve(triple(2)));'),
        );
        expect(imported.result).toMatchObject({ stderr: "", stdout: "6\n" });
      },
      { language: "javascript" },
    ));

  test("Go: several files of a package, and a module with packages of its own", () =>
    withSession(
      async (session) => {
        const helper = {
          path: "helper.go",
          content: "package main\nfunc double(n int) int { return 2 * n }",
        };
        const main = 'package main\nimport "fmt"\nfunc main() { fmt.Println(double(21)) }';
        const together = await session.program(code(main, { files: [helper] }));
        expect(together.result).toMatchObject({ stderr: "", stdout: "42\n" });
        await session.shell("rm helper.go");

        const files = [
          { path: "go.mod", content: "module example.com/mine\n\ngo 1.21\n" },
          { path: "inner/inner.go", content: "package inner\nfunc Triple(n int) int { return 3 * n }" },
        ];
        const module =
          'package main\nimport ("fmt"; "example.com/mine/inner")\nfunc main() { fmt.Println(inner.Triple(2)) }';
        const { result } = await session.program(code(module, { files }));
        expect(result).toMatchObject({ stderr: "", stdout: "6\n" });
      },
      { language: "go" },
    ));

  test("C#: several files", () =>
    withSession(
      async ({ program }) => {
        const files = [
          {
            path: "Helper.cs",
            content: "static class Helper { public static int Double(int n) { return 2 * n; } }",
          },
        ];
        const { result } = await program(
          code("class P { static void Main() { System.Console.WriteLine(Helper.Double(21)); } }", { files }),
        );
        expect(result).toMatchObject({ stderr: "", stdout: "42\n" });
      },
      { language: "csharp" },
    ));
});

describe("a program that the caller keeps from starting is the caller's to mend", () => {
  test.each([
    ["a PATH without its interpreter", { env: { PATH: "/nowhere" } }, /python3: no such file/],
    ["a workingDirectory that is missing", { workingDirectory: "/nowhere" }, /\/nowhere: no such file/],
    ["an argument that is too long", { args: ["x".repeat(200_000)] }, /argument list too long/],
  ])("%s", (_what, more, reason) =>
    withSession(async (session) => {
      expect(await session.program(code("print('never')", more))).toMatchObject({
        success: false,
        error: expect.stringMatching(reason),
        result: { state: "failed", fault: "caller", exitCode: null, stdout: "" },
      });
      await expectNothingLeft(session);
    }),
  );
});

describe("what each image brings", () => {
  test("TypeScript in a javascript session, as a program and as a file", () =>
    withSession(
      async ({ program, file }) => {
        const typed = [
          "interface Point { x: number; y: number }",
          "const add = (a: Point, b: Point): Point => ({ x: a.x + b.x, y: a.y + b.y });",
          "console.log(add({ x: 1, y: 2 }, { x: 3, y: 4 } satisfies Point));",
        ].join("\n");
        const { result } = await program(code(typed));
        expect(result).toMatchObject({ exitCode: 0, stderr: "", stdout: "{ x: 4, y: 6 }\n" });

        await file({ type: "write_file", path: "lib.ts", content: "export const n: number = 42;" });
        await file({
          type: "write_file",
          path: "main.ts",
          content: 'import { n } from "./lib.ts";\nconsole.log(n);',
        });
        const ran = await program({ type: "execute_shell", commandName: "node", args: ["main.ts"] });
        expect(ran.result).toMatchObject({ exitCode: 0, stdout: "42\n" });
      },
      { language: "node" },
    ));

  test("npm and npx", () =>
    withSession(
      async ({ shell }) => {
        const { result } = await shell(
          "npm --version && npx --version && npm init -y > /dev/null && npm pkg get name",
        );
        expect(result).toMatchObject({
          exitCode: 0,
          stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n\d+\.\d+\.\d+\n"/),
        });
      },
      { language: "javascript" },
    ));

  test("pip, and venv with a pip of its own", () =>
    withSession(async ({ shell }) => {
      const { result } = await shell(
        "pip --version && python3 -m venv .venv && .venv/bin/pip --version && .venv/bin/python -c 'print(42)'",
      );
      expect(result).toMatchObject({
        exitCode: 0,
        stdout: expect.stringMatching(/^pip \d[\s\S]*pip \d.*\/workspace\/\.venv[\s\S]*\n42\n$/),
      });
    }));

  test("go test, go vet and go build of a module", () =>
    withSession(
      async ({ shell, file }) => {
        const files = {
          "go.mod": "module example.com/sums\n\ngo 1.21\n",
          "sums.go": "package sums\n\nfunc Sum(a, b int) int { return a + b }\n",
          "sums_test.go":
            'package sums\n\nimport "testing"\n\nfunc TestSum(t *testing.T) {\n\tif Sum(1, 2) != 3 {\n\t\tt.Fatal("no")\n\t}\n}\n',
          "cmd/main.go":
            'package main\n\nimport (\n\t"fmt"\n\n\t"example.com/sums"\n)\n\nfunc main() { fmt.Println(sums.Sum(40, 2)) }\n',
        };
        for (const [path, content] of Object.entries(files))
          await file({ type: "write_file", path, content });
        const tested = await shell("go vet ./... && go test ./...");
        expect(tested.result).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("ok") });
        const built = await shell("go build -o /tmp/sum ./cmd && /tmp/sum && gofmt -l .");
        expect(built.result).toMatchObject({ exitCode: 0, stdout: "42\n" });
      },
      { language: "golang" },
    ));

  test("two go commands at once share the cache", () =>
    withSession(
      async ({ shell }) => {
        const main = 'package main; import "fmt"; func main() { fmt.Println(42) }';
        const { result } = await shell(
          `for d in a b; do mkdir $d; echo '${main}' > $d/main.go; done; go run a/main.go & go run b/main.go; wait`,
        );
        expect(result).toMatchObject({ exitCode: 0, stderr: "", stdout: "42\n42\n" });
      },
      { language: "go" },
    ));

  test("every alias of a language is that language", async () => {
    for (const [alias, language] of [
      ["nodejs", "javascript"],
      ["golang", "go"],
      ["dotnet", "csharp"],
      ["C#", "csharp"],
    ] as const) {
      await withSession(
        async ({ client, sessionId }) => {
          expect(await client.call("session.get", { sessionId })).toMatchObject({ language });
        },
        { language: alias },
      );
    }
  });
});
