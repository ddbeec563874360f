import { lastLines } from "../setup/child.ts";
import { reportError, SetupError } from "../setup/errors.ts";
import type { Progress } from "../setup/progress.ts";
import { readReport } from "../setup/vitest.ts";
import { runMachine } from "./machine.ts";
import type { Suite } from "./suites.ts";

/** Starting a container takes 4.5 s in there instead of 0.1 to 0.5 s, a node process 3 s instead of 0.3 s. */
const slowness = 8;

/** Runs a suite in the machine and says how it ended; the exit code. */
export async function testInMachine(
  suite: Suite,
  about: {
    folder: string;
    disk: string;
    logFile: string;
    checkout: string;
    progress: Progress;
    signal: AbortSignal;
  },
): Promise<number> {
  const { progress, logFile } = about;
  progress.say(
    `▸ the machine: user-mode Linux with cgroup v2, for at most ${suite.deadlineMinutes} minutes; its log: ${logFile}`,
  );
  let begun = () => {};
  const booted = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const ended = runMachine({
    ...about,
    args: [
      "--reporter=verbose",
      "--reporter=json",
      "--outputFile.json=/run/host/report.json",
      ...suite.vitest,
    ],
    environment: {
      CODEBEAKER_TEST_SLOWNESS: String(slowness),
      [process.stdout.isTTY ? "FORCE_COLOR" : "NO_COLOR"]: "1",
    },
    deadlineMs: suite.deadlineMinutes * 60_000,
    onStep: (step) => {
      if (step === "tests") begun();
    },
    onLine: (line) => process.stdout.write(`${line}\n`),
  });
  await progress.step("booting the machine", async () => {
    const early = await Promise.race([booted, ended]);
    if (early?.failure !== undefined)
      throw new SetupError(early.failure, [`the whole log: ${logFile}`], lastLines(logFile));
  });
  progress.close();

  const { exitCode, report, failure } = await ended;
  about.signal.throwIfAborted();
  const { passed, failed, skipped } = readReport(report);
  if (failure !== undefined) {
    reportError(new SetupError(failure, [`the whole log: ${logFile}`], lastLines(logFile)));
  }
  const isSkipping = !suite.mayFilter && (skipped ?? 0) > 0;
  if (isSkipping) console.log(`\n${skipped} tests were skipped: that is a failure here.`);
  console.log(`\n${passed ?? "?"} passed, ${failed ?? "?"} failed on cgroup v2`);
  if (failure !== undefined || isSkipping || !passed) return exitCode || 1;
  return exitCode ?? 1;
}
