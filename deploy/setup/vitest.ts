import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { stopChild } from "./child.ts";

const summary = z.object({ numPassedTests: z.number(), numFailedTests: z.number(), success: z.boolean() });

/** What Vitest said in the end. */
export interface TestOutcome {
  readonly exitCode: number;
  readonly passed: number | undefined;
  readonly failed: number | undefined;
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
    const parsed = summary.safeParse(JSON.parse(readFileSync(report, "utf8")));
    return {
      exitCode: typeof code === "number" ? code : 1,
      passed: parsed.data?.numPassedTests,
      failed: parsed.data?.numFailedTests,
    };
  } catch {
    return { exitCode: 1, passed: undefined, failed: undefined };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
