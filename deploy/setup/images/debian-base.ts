import { renameSync } from "node:fs";
import { join } from "node:path";
import { runLogged } from "../child.ts";
import { contentKey } from "../hash.ts";
import type { StateFolder } from "../state.ts";
import { debianSources, findKeyring } from "./debian-archive.ts";

const suite = "trixie";

/** Left out of the base and of everything that is later installed on it. */
const dpkgOptions = [
  "force-unsafe-io",
  "path-exclude=/usr/share/man/*",
  "path-exclude=/usr/share/info/*",
  "path-exclude=/usr/share/doc/*",
  "path-include=/usr/share/doc/*/copyright",
  "path-exclude=/usr/share/locale/*",
  "path-include=/usr/share/locale/locale.alias",
  "path-exclude=/usr/share/lintian/*",
];
/** Some mirrors keep a suite past the date that its Release file names; its signature is checked all the same. */
const aptOptions = ['Acquire::Check-Valid-Until "false"', 'Acquire::Languages "none"'];
const cleanUp =
  "/var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/*.log /var/cache/ldconfig/aux-cache"
    .split(" ")
    .map((path) => `"$1"${path}`)
    .join(" ");

/** The key of the base: the recipe, not the packages of the day (`npm run images -- --refresh` fetches those anew). */
export const debianBaseKey = contentKey([suite, process.arch, ...dpkgOptions, ...aptOptions, cleanUp]);

/** Where the base lies once it has been made. */
export function baseTarPath(state: StateFolder): string {
  return join(state.cache, `base-${debianBaseKey}.tar`);
}

/** Makes the Debian base as a tar, from the host's own mirror, with every signature verified. */
export async function makeBaseTar(state: StateFolder, signal: AbortSignal): Promise<string> {
  const target = baseTarPath(state);
  const keyring = findKeyring();
  const sources = debianSources(suite);
  const overHttps = sources.some((source) => source.includes("] https:"));
  const unfinished = `${target}.${process.pid}.tar`;
  await runLogged(
    "mmdebstrap",
    [
      "--variant=apt",
      "--quiet",
      `--keyring=${keyring}`,
      ...(process.getuid?.() === 0 ? ["--mode=root"] : []),
      ...aptOptions.map((option) => `--aptopt=${option}`),
      ...dpkgOptions.map((option) => `--dpkgopt=${option}`),
      ...(overHttps ? ["--include=ca-certificates"] : []),
      `--customize-hook=rm -rf ${cleanUp}`,
      suite,
      unfinished,
      ...sources,
    ],
    {
      logFile: join(state.logs, "debian-base.log"),
      // A fixed date makes the tar the same for the same packages, so that Docker's build cache knows it again.
      env: { ...process.env, SOURCE_DATE_EPOCH: "1767225600" },
      signal,
    },
  );
  renameSync(unfinished, target);
  return target;
}
