import { existsSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { runLogged } from "../child.ts";
import { SetupError } from "../errors.ts";
import { contentKey } from "../hash.ts";
import type { StateFolder } from "../state.ts";

const suite = "trixie";
const defaultMirror = "http://deb.debian.org/debian";

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
  const { mirror, security } = findMirrors();
  const overHttps = mirror.startsWith("https:") || security.startsWith("https:");
  const source = (uri: string, name: string) => `deb [signed-by=${keyring}] ${uri} ${name} main`;
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
      source(mirror, suite),
      source(mirror, `${suite}-updates`),
      source(security, `${suite}-security`),
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

function findKeyring(): string {
  const names = ["debian-archive-keyring.gpg", "debian-archive-keyring.pgp"];
  const found = names.map((name) => join("/usr/share/keyrings", name)).find((path) => existsSync(path));
  if (found === undefined) {
    throw new SetupError("the keys of Debian's archive are missing", [
      "apt-get install debian-archive-keyring",
    ]);
  }
  return found;
}

/** The mirrors that the host's apt uses for Debian; on any other system Debian's own. */
function findMirrors(): { mirror: string; security: string } {
  const uris = aptSourceFiles().flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/^(?!\s*#)(?:URIs:|deb\s.*?)\s*(https?:\/\/\S+)/gm)].map(
      (match) => (match[1] ?? "").replace(/\/$/, ""),
    ),
  );
  const mirror = uris.find((uri) => uri.endsWith("/debian")) ?? defaultMirror;
  const security = uris.find((uri) => uri.endsWith("/debian-security")) ?? `${mirror}-security`;
  return { mirror, security };
}

function aptSourceFiles(): string[] {
  const folder = "/etc/apt/sources.list.d";
  const parts = existsSync(folder)
    ? readdirSync(folder).filter((name) => /\.(sources|list)$/.test(name))
    : [];
  return [...parts.map((name) => join(folder, name)), "/etc/apt/sources.list"].filter((file) =>
    existsSync(file),
  );
}
