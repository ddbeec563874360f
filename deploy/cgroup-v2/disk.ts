import {
  cpSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type Docker from "dockerode";
import { runLogged } from "../setup/child.ts";
import { contentKey } from "../setup/hash.ts";
import { runtimeImages } from "../setup/images/catalog.ts";
import type { Note, Progress } from "../setup/progress.ts";
import type { StateFolder } from "../setup/state.ts";
import { keepRecent, ownPath } from "./folder.ts";
import { ensureRootTar, rootKey } from "./root.ts";
import { modulesFolder, toolEnvironment } from "./tools.ts";

/** Most of it is a hole. */
const diskSize = "12G";
const here = import.meta.dirname;
const init = join(here, "guest", "init.sh");
const loadImages = join(here, "load-images.sh");

interface DiskTools {
  readonly docker: Docker;
  readonly folder: string;
  readonly state: StateFolder;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * The machine's disk: Debian, the modules of its kernel, an engine that has the runtime images. Made once for each content
 * of these, and never written to after that.
 */
export async function ensureDisk(tools: DiskTools): Promise<string> {
  const { docker, folder, state, progress, signal } = tools;
  const images = await imageIds(docker);
  const kernels = readdirSync(modulesFolder);
  const recipe = [init, loadImages, import.meta.filename].map((file) => readFileSync(file));
  const key = contentKey([rootKey(), ...kernels, ...images, ...recipe]);
  const disk = join(folder, `disk-${key}.img`);
  if (!existsSync(disk)) {
    const tar = await progress.step("Debian for the machine", () => ensureRootTar(folder, state, signal));
    keepRecent(folder, tar, /^root-.*\.tar$/);
    await progress.step("disk of the machine, with the runtime images", (note) =>
      make(tools, tar, disk, note),
    );
  }
  keepRecent(folder, disk, /^disk-.*\.img$/);
  return disk;
}

async function imageIds(docker: Docker): Promise<string[]> {
  const names = runtimeImages.map(({ repository }) => `${repository}:latest`);
  const found = await Promise.all(names.map((name) => docker.getImage(name).inspect()));
  return found.flatMap(({ Id }, index) => [names[index] ?? "", Id]);
}

async function make({ docker, folder, state, signal }: DiskTools, tar: string, disk: string, note: Note) {
  const root = ownPath(folder, "root");
  const unfinished = ownPath(folder, "disk.img");
  const run = (command: string, ...args: string[]) =>
    runLogged(command, args, {
      logFile: join(state.logs, "cgroup-v2-disk.log"),
      env: toolEnvironment,
      signal,
    });
  try {
    mkdirSync(root);
    note("unpacking Debian");
    await run("tar", "-xpf", tar, "-C", root);
    cpSync(modulesFolder, join(root, "usr", "lib", "modules"), { recursive: true });
    writeFileSync(join(root, "sbin", "codebeaker-init"), readFileSync(init), { mode: 0o755 });
    mkdirSync(join(root, "images"));
    for (const { repository, title } of runtimeImages) {
      note(title);
      const image = await docker.getImage(`${repository}:latest`).get();
      await pipeline(image, createWriteStream(join(root, "images", `${repository}.tar`)), { signal });
    }
    note("loading the images");
    // Whatever ends this process ends the engine in there with it, and the mounts go with the namespace.
    await run(
      "setpriv",
      ...[
        "--pdeathsig",
        "KILL",
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "sh",
        loadImages,
        root,
      ],
    );
    rmSync(join(root, "images"), { recursive: true });
    note("writing the file system");
    await run("mke2fs", "-q", "-t", "ext4", "-d", root, unfinished, diskSize);
    renameSync(unfinished, disk);
  } finally {
    rmSync(root, { recursive: true, force: true });
    rmSync(unfinished, { force: true });
  }
}
