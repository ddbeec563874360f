import { createHash } from "node:crypto";
import { createReadStream, existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { runLogged } from "../child.ts";
import { SetupError } from "../errors.ts";
import type { StateFolder } from "../state.ts";
import type { ContextPart } from "./tar.ts";

interface Package {
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
}

/** Node's current LTS line and the npm that belongs to it, as npm's own registry has them. */
const nodeVersion = "24.21.0";
const nodeIntegrity: Partial<Record<string, string>> = {
  x64: "sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==",
  arm64: "sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==",
};
const npmPackage: Package = {
  name: "npm",
  version: "11.21.2",
  integrity:
    "sha512-7HPApk+AflMUavSseL1Pm6CnYqMIHk53x+KmuhqmTDqPkjPMgxIpTPcTqsE91EKNw4gFBJV9fnXiSdGm1DXq9A==",
};

/** What the key of the image depends on. */
export const nodePackagesKey = `${process.arch} node ${nodeVersion} npm ${npmPackage.version}`;

/** Fetches Node and npm (once) and places them in the build context of the Node.js image. */
export async function nodeContextParts(state: StateFolder, signal: AbortSignal): Promise<ContextPart[]> {
  const integrity = nodeIntegrity[process.arch];
  if (integrity === undefined) {
    throw new SetupError(`there is no Node.js package for ${process.arch}`, [
      "use a machine that reaches an image registry",
    ]);
  }
  const nodePackage = { name: `node-linux-${process.arch}`, version: nodeVersion, integrity };
  const [node, npm] = [
    await fetchPackage(nodePackage, state, signal),
    await fetchPackage(npmPackage, state, signal),
  ];
  return [
    {
      kind: "package",
      source: node,
      rename: (path) =>
        path === "package/bin/node" ? { path: "files/usr/local/bin/node", mode: 0o755 } : undefined,
    },
    {
      kind: "package",
      source: npm,
      rename: (path) => ({
        path: path.replace(/^package\//, "files/usr/local/lib/node_modules/npm/"),
        mode: path.startsWith("package/bin/") ? 0o755 : 0o644,
      }),
    },
  ];
}

/** Fetches a package by npm, which knows the registry, mirror, proxy and certificates of this machine. */
async function fetchPackage(wanted: Package, state: StateFolder, signal: AbortSignal): Promise<string> {
  const target = join(state.cache, `${wanted.name}-${wanted.version}.tgz`);
  if (existsSync(target)) return target;
  const folder = mkdtempSync(join(state.cache, "fetch-"));
  try {
    await runLogged(
      "npm",
      ["pack", "--silent", "--pack-destination", folder, `${wanted.name}@${wanted.version}`],
      {
        logFile: join(state.logs, "npm-pack.log"),
        signal,
      },
    );
    const fetched = join(folder, readdirSync(folder)[0] ?? "");
    const hash = createHash("sha512");
    await pipeline(createReadStream(fetched), hash);
    if (`sha512-${hash.digest("base64")}` !== wanted.integrity) {
      throw new SetupError(
        `${wanted.name}@${wanted.version} is not what it was: its checksum differs from the recorded one`,
      );
    }
    renameSync(fetched, target);
    return target;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
