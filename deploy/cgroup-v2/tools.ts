import { existsSync } from "node:fs";
import { canInstallPackages, installPackages, isDebianLike } from "../setup/apt.ts";
import { SetupError } from "../setup/errors.ts";
import type { Progress } from "../setup/progress.ts";
import type { StateFolder } from "../setup/state.ts";
import { which } from "../setup/which.ts";

/** Where Debian's package keeps the modules of the user-mode kernel. */
export const modulesFolder = "/usr/lib/uml/modules";

/** Its tools lie in sbin, which a user's PATH may lack. */
export const toolEnvironment = {
  ...process.env,
  PATH: `${process.env.PATH ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`,
};

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** A package, and how to see that it is there. */
const needed: readonly { package: string; isThere: () => boolean }[] = [
  {
    package: "user-mode-linux",
    isThere: () => which("linux.uml") !== undefined && existsSync(modulesFolder),
  },
  { package: "mmdebstrap", isThere: () => which("mmdebstrap") !== undefined },
  { package: "debian-archive-keyring", isThere: () => existsSync(keyring) },
  { package: "e2fsprogs", isThere: () => which("mke2fs") !== undefined },
];

/**
 * Finds or installs what makes and boots the machine.
 * @throws SetupError where it is missing and can't be installed: without the machine nothing is tested.
 */
export async function ensureTools(tools: {
  state: StateFolder;
  progress: Progress;
  signal: AbortSignal;
}): Promise<void> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) {
    throw new SetupError("the machine with cgroup v2 can only be made as root, on Linux", [
      "sudo npm run test:cgroup-v2",
    ]);
  }
  const missing = needed.filter(({ isThere }) => !isThere()).map((tool) => tool.package);
  if (missing.length === 0) return;
  if (!canInstallPackages()) {
    throw new SetupError(`${missing.join(", ")} missing: the machine with cgroup v2 can't be made`, [
      isDebianLike()
        ? `sudo apt-get install ${missing.join(" ")}`
        : "these are packages of Debian: use a machine or a container of it",
    ]);
  }
  await installPackages(missing, "they make and boot the machine with cgroup v2", tools);
  const still = needed.filter(({ isThere }) => !isThere()).map((tool) => tool.package);
  if (still.length > 0) throw new SetupError(`${still.join(", ")} still missing after its installation`);
}
