import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { runLogged } from "../setup/child.ts";
import { contentKey } from "../setup/hash.ts";
import { debianSources, findKeyring } from "../setup/images/debian-archive.ts";
import type { StateFolder } from "../setup/state.ts";
import { toolEnvironment } from "./tools.ts";

const suite = "trixie";

/** What runs in the machine, beside Debian's essential packages. */
const packages = [
  "containerd",
  "docker-cli",
  "docker.io",
  "iproute2",
  "kmod",
  "mount",
  "nodejs",
  "procps",
  "redis-server",
  "runc",
];
const dpkgOptions = [
  "force-unsafe-io",
  "path-exclude=/usr/share/man/*",
  "path-exclude=/usr/share/info/*",
  "path-exclude=/usr/share/doc/*",
  "path-exclude=/usr/share/locale/*",
];
const aptOptions = ['Acquire::Check-Valid-Until "false"', 'Acquire::Languages "none"'];
const cleanUp = 'rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*';

/** The key of the machine's root: the recipe and the mirror, not the packages of the day. */
export function rootKey(): string {
  return contentKey([suite, process.arch, ...packages, ...dpkgOptions, ...aptOptions, cleanUp, ...sources()]);
}

/** Where the root of a key lies, as a tar. */
export function rootTarPath(folder: string, key: string): string {
  return join(folder, `root-${key}.tar`);
}

/** Makes the machine's root from the host's own mirror, with every signature verified; its path. */
export async function ensureRootTar(
  folder: string,
  state: StateFolder,
  signal: AbortSignal,
): Promise<string> {
  const target = rootTarPath(folder, rootKey());
  if (existsSync(target)) return target;
  const unfinished = join(folder, `unfinished-${process.pid}.tar`);
  await runLogged(
    "mmdebstrap",
    [
      "--variant=apt",
      "--quiet",
      "--mode=root",
      `--keyring=${findKeyring()}`,
      ...aptOptions.map((option) => `--aptopt=${option}`),
      ...dpkgOptions.map((option) => `--dpkgopt=${option}`),
      `--include=${packages.join(",")}`,
      `--customize-hook=${cleanUp}`,
      suite,
      unfinished,
      ...sources(),
    ],
    { logFile: join(state.logs, "cgroup-v2-root.log"), env: toolEnvironment, signal },
  );
  renameSync(unfinished, target);
  return target;
}

function sources(): string[] {
  return debianSources(suite);
}
