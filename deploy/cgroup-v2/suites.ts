/** The core: every verdict, as a table and as real programs that go over their limits. */
const core = ["test/verdict.test.ts", "test/verdict-endings.test.ts", "test/limits.test.ts"];

/** What control groups could change: sessions, commands, limits, adoption, the sandbox. */
const all = [
  ...core,
  "test/execute.test.ts",
  "test/control.test.ts",
  "test/sessions.test.ts",
  "test/sandbox/",
  "test/fleet/takeover.test.ts",
  "test/fleet/gone.test.ts",
];

/** What is run in the machine, and how long it may take. */
export interface Suite {
  readonly vitest: readonly string[];
  readonly deadlineMinutes: number;
  /** A test that is left out by a filter is no skipped one. */
  readonly mayFilter: boolean;
}

/** All of it without arguments, the core with `--core`; anything else is Vitest's own. */
export function suiteOf(args: readonly string[]): Suite {
  if (args.length === 0) return { vitest: all, deadlineMinutes: 40, mayFilter: false };
  if (args.length === 1 && args[0] === "--core")
    return { vitest: core, deadlineMinutes: 20, mayFilter: false };
  return { vitest: args, deadlineMinutes: 60, mayFilter: true };
}
