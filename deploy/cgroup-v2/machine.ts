import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  createWriteStream,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ownPath } from "./folder.ts";
import { toolEnvironment } from "./tools.ts";

/** Enough for a session of 512 MB beside the engine, Redis, three nodes and Vitest. */
const memoryMB = 4096;

/** What a run of the machine is given. */
export interface Job {
  readonly folder: string;
  readonly checkout: string;
  readonly disk: string;
  /** For Vitest. */
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly deadlineMs: number;
  readonly logFile: string;
  readonly signal: AbortSignal;
  /** The machine has come to a further step of its way to the tests. */
  readonly onStep: (step: string) => void;
  /** A line of what the tests print. */
  readonly onLine: (line: string) => void;
}

/** How a run ended. */
export interface JobEnd {
  /** Vitest's own; undefined when it did not come to an end. */
  readonly exitCode: number | undefined;
  /** Vitest's report as JSON, where there is one. */
  readonly report: string | undefined;
  /** Why there were no tests, or why they did not come to their end. */
  readonly failure: string | undefined;
}

/**
 * booting → engine and Redis → tests → powered off; from each of them killed: by its deadline, by the signal, or because
 * this process died. Everything of it lives in one pid and one mount namespace, which end with their first process: no
 * process, mount or memory can stay behind, whatever state the kernel in there is in.
 */
export async function runMachine(job: Job): Promise<JobEnd> {
  const run = ownPath(job.folder, "run");
  mkdirSync(run);
  try {
    // A link of its own keeps the disk while another run tidies up; changes go to a file beside it.
    linkSync(job.disk, join(run, "disk.img"));
    writeFileSync(join(run, "job.sh"), jobScript(job));
    const failure = await boot(run, job);
    const exitCode = existsSync(join(run, "exit-code"))
      ? Number(readFileSync(join(run, "exit-code"), "utf8"))
      : undefined;
    const report = existsSync(join(run, "report.json"))
      ? readFileSync(join(run, "report.json"), "utf8")
      : undefined;
    return {
      exitCode,
      report,
      failure: failure ?? (exitCode === undefined ? "the machine ended before its tests did" : undefined),
    };
  } finally {
    rmSync(run, { recursive: true, force: true });
  }
}

/** Boots and waits until it has ended; why it failed, as far as the machine itself can tell. */
async function boot(run: string, job: Job): Promise<string | undefined> {
  job.signal.throwIfAborted();
  const child = spawn(
    "setpriv",
    [
      ...["--pdeathsig", "KILL"],
      ...[
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
      ],
      ...["sh", join(import.meta.dirname, "boot.sh"), job.checkout, run, String(memoryMB)],
    ],
    // A group of its own: a kernel in panic signals its group.
    { stdio: ["ignore", "pipe", "pipe"], detached: true, env: toolEnvironment },
  );
  let failure: string | undefined;
  const end = (why: string) => {
    failure ??= why;
    killNamespace(child);
  };
  const onAbort = () => end("stopped");
  job.signal.addEventListener("abort", onAbort);
  const deadline = setTimeout(
    () => end(`it was not done after ${job.deadlineMs / 60_000} minutes`),
    job.deadlineMs,
  );
  const log = createWriteStream(job.logFile);
  let testing = false;
  const read = (line: string) => {
    const text = line.replace(/\r$/, "");
    log.write(`${text}\n`);
    const [, kind] = /^@ (.*)$/.exec(text) ?? [];
    if (kind === undefined) {
      if (testing && failure === undefined) job.onLine(text);
    } else if (kind.startsWith("failed ")) failure ??= kind.slice("failed ".length);
    else {
      testing ||= kind === "tests";
      job.onStep(kind);
    }
  };
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", read);
  try {
    await once(child, "close");
  } finally {
    clearTimeout(deadline);
    job.signal.removeEventListener("abort", onAbort);
    await new Promise<void>((resolve) => log.end(resolve));
  }
  return failure;
}

/**
 * Kills the first process of the namespace, with which the kernel kills all others; unshare, which waits for it, ends when
 * the last of them has gone.
 */
function killNamespace(unshare: ChildProcess): void {
  try {
    const children = readFileSync(`/proc/${unshare.pid}/task/${unshare.pid}/children`, "utf8").trim();
    process.kill(Number(children.split(" ")[0] || Number.NaN), "SIGKILL");
  } catch {
    unshare.kill("SIGKILL");
  }
}

/** What the guest's script reads: the environment of the tests, and their arguments. */
function jobScript({ environment, args }: Job): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const variables = Object.entries(environment).map(([name, value]) => `export ${name}=${quoted(value)}`);
  return `${[...variables, `set -- ${args.map(quoted).join(" ")}`].join("\n")}\n`;
}
