import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SetupError } from "../errors.ts";

const defaultMirror = "http://deb.debian.org/debian";

/** The lines of a sources.list for a suite with its updates, from the mirrors that this machine's apt uses. */
export function debianSources(suite: string): string[] {
  const keyring = findKeyring();
  const { mirror, security } = findMirrors();
  const source = (uri: string, name: string) => `deb [signed-by=${keyring}] ${uri} ${name} main`;
  return [source(mirror, suite), source(mirror, `${suite}-updates`), source(security, `${suite}-security`)];
}

/**
 * The keys that every signature of the archive is held against.
 * @throws SetupError where they are missing.
 */
export function findKeyring(): string {
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
