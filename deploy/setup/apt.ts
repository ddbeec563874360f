import { readFileSync } from "node:fs";
import { join } from "node:path";
import { outputOf, runLogged } from "./child.ts";
import type { Progress } from "./progress.ts";
import type { StateFolder } from "./state.ts";
import { which } from "./which.ts";

/** Whether packages can be installed here: Debian or Ubuntu (or a child of theirs), as root. */
export function canInstallPackages(): boolean {
  return process.getuid?.() === 0 && isDebianLike() && which("apt-get") !== undefined;
}

/** Whether this is Debian, Ubuntu or a child of theirs. */
export function isDebianLike(): boolean {
  try {
    const release = readFileSync("/etc/os-release", "utf8");
    return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(release);
  } catch {
    return false;
  }
}

const options = [
  "-y",
  "--no-install-recommends",
  "-o",
  "DPkg::Lock::Timeout=120",
  "-o",
  "Acquire::Retries=2",
];

/**
 * Installs packages, after saying so. The lists of packages are fetched only when they lack one of them, or when the
 * first try fails (lists that are too old name files that the mirror no longer has).
 */
export async function installPackages(
  packages: readonly string[],
  why: string,
  tools: { state: StateFolder; progress: Progress; signal: AbortSignal },
): Promise<void> {
  const { state, progress, signal } = tools;
  const names = packages.join(", ");
  progress.say(`▸ installing the package${packages.length > 1 ? "s" : ""} ${names} with apt-get: ${why}`);
  const run = (...args: string[]) =>
    runLogged("apt-get", args, {
      logFile: join(state.logs, "apt.log"),
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      signal,
    });
  const update = () => progress.step("apt-get update", () => run("update", "-q", ...options.slice(2)));
  const install = () => run("install", "-q", ...options, ...packages);

  if (!(await areKnown(packages))) await update();
  await progress.step(`installing ${names}`, async () => {
    try {
      await install();
    } catch (error) {
      if (signal.aborted) throw error;
      await update();
      await install();
    }
  });
}

async function areKnown(packages: readonly string[]): Promise<boolean> {
  const known = await Promise.all(
    packages.map((name) => outputOf("apt-cache", ["show", "--no-all-versions", name])),
  );
  return known.every((text) => text !== undefined && text !== "");
}
