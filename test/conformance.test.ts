import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { sharedUrl } from "./support/session.ts";

/** So that a suite that finds no tests does not pass. */
const LEAST_TESTS = 120;

const Report = z.object({
  numPassedTests: z.number(),
  testResults: z.array(
    z.object({ assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })) }),
  ),
});

/** Runs the suite as npm run conformance does, without what this Vitest put into the environment. */
async function runConformance(env: NodeJS.ProcessEnv, args: string[] = []) {
  const { CODEBEAKER_URL: _, ...inherited } = process.env;
  const plain = Object.entries(inherited).filter(([name]) => !/^(VITEST|TEST$|MODE$|NODE_ENV$)/.test(name));
  const child = spawn(process.execPath, ["--import", "tsx", "test/conformance/run.ts", ...args], {
    env: { ...Object.fromEntries(plain), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (printed += String(data)));
  const [exitCode] = await once(child, "close");
  return { exitCode, printed };
}

test("this server passes the conformance suite", { timeout: 600_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "codebeaker-conformance-"));
  try {
    const file = join(folder, "report.json");
    const args = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
    const { exitCode, printed } = await runConformance({ CODEBEAKER_URL: sharedUrl() }, args);
    expect(exitCode, printed).toBe(0);
    const { numPassedTests, testResults } = Report.parse(JSON.parse(readFileSync(file, "utf8")));
    const failed = testResults
      .flatMap(({ assertionResults }) => assertionResults)
      .filter(({ status }) => status === "failed");
    expect(failed).toEqual([]);
    expect(numPassedTests).toBeGreaterThan(LEAST_TESTS);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("without an address it says so and ends with 2", async () => {
  const { exitCode, printed } = await runConformance({});
  expect(exitCode).toBe(2);
  expect(printed).toContain("CODEBEAKER_URL");
});
