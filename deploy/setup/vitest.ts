import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { stopChild } from "./child.ts";

const summary = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
});

/** What Vitest counted; each undefined where it wrote no report. */
export interface TestCounts {
  readonly passed: number | undefined;
  readonly failed: number | undefined;
  readonly skipped: number | undefined;
}

/** What Vitest said in the end. */
export interface TestOutcome extends TestCounts {
  readonly exitCode: number;
}

/** Reads what Vitest's JSON reporter wrote, if anything. */
export function readReport(text: string | undefined): TestCounts {
  const counts = text === undefined ? undefined : summary.safeParse(parseJson(text)).data;
  return {
    passed: counts?.numPassedTests,
    failed: counts?.numFailedTests,
    skipped: counts && counts.numPendingTests + counts.numTodoTests,
  };
}

/** A process that is killed while it writes leaves half of it. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Runs Vitest with its own output, and reads its summary from its JSON reporter. */
export async function runVitest(options: {
  root: string;
  args: readonly string[];
  environment: NodeJS.ProcessEnv;
  signal: AbortSignal;
}): Promise<TestOutcome> {
  const folder = mkdtempSync(join(tmpdir(), "codebeaker-test-"));
  const report = join(folder, "report.json");
  try {
    const child = spawn(
      process.execPath,
      [
        join(options.root, "node_modules", "vitest", "vitest.mjs"),
        "run",
        "--reporter=default",
        "--reporter=json",
        `--outputFile.json=${report}`,
        ...options.args,
      ],
      { stdio: "inherit", env: options.environment, cwd: options.root },
    );
    options.signal.addEventListener("abort", () => void stopChild(child, 10_000));
    const [code] = await once(child, "exit");
    return { exitCode: typeof code === "number" ? code : 1, ...readReport(readFileSync(report, "utf8")) };
  } catch {
    return { exitCode: 1, ...readReport(undefined) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
