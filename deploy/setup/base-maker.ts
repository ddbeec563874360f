import { existsSync } from "node:fs";
import { canInstallPackages, installPackages, isDebianLike } from "./apt.ts";
import { SetupError } from "./errors.ts";
import { baseTarPath, makeBaseTar } from "./images/debian-base.ts";
import { once } from "./once.ts";
import type { Progress } from "./progress.ts";
import type { StateFolder } from "./state.ts";
import { which } from "./which.ts";

/** Makes the Debian base, at most once, and only when someone asks. */
export interface BaseMaker {
  /** Installs mmdebstrap where it is missing. */
  readonly installTool: () => Promise<void>;
  /** The path of the base as a tar. */
  readonly tar: () => Promise<string>;
}

/** Opens the maker of the Debian base; `refresh` makes it anew although it is there. */
export function openBaseMaker(
  tools: { state: StateFolder; progress: Progress; signal: AbortSignal },
  refresh: boolean,
): BaseMaker {
  const path = baseTarPath(tools.state);
  const isThere = () => !refresh && existsSync(path);
  const installTool = once(async () => {
    if (isThere() || (which("mmdebstrap") && existsSync("/usr/share/keyrings/debian-archive-keyring.gpg")))
      return;
    if (!canInstallPackages()) {
      throw new SetupError(
        "no image registry answers, and the Debian base of the images can't be made here",
        [
          isDebianLike()
            ? "sudo apt-get install mmdebstrap debian-archive-keyring"
            : "connect to an image registry: docker pull python:3-slim has to work",
        ],
      );
    }
    tools.progress.say("  no image registry answers: the images are built from Debian packages");
    await installPackages(["mmdebstrap", "debian-archive-keyring"], "makes the base of the images", tools);
  });
  const tar = once(async () => {
    if (isThere()) return path;
    await installTool();
    return await tools.progress.step("Debian 13 base", () => makeBaseTar(tools.state, tools.signal));
  });
  return { installTool, tar };
}
