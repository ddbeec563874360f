import { createWriteStream } from "node:fs";
import type { Readable } from "node:stream";
import type Docker from "dockerode";
import { lastLines } from "../child.ts";
import { SetupError } from "../errors.ts";

/** One command in a throw-away container of a builder image, with sources given as a tar. */
export interface BuilderRun {
  readonly image: string;
  readonly sources: Readable;
  readonly command: readonly string[];
  readonly environment: readonly string[];
  readonly logFile: string;
  readonly title: string;
  readonly signal: AbortSignal;
  /** Receives what the command wrote, as it comes. */
  readonly onOutput?: (chunk: Buffer) => void;
}

/** Go's build cache, kept between runs. */
export const cacheVolume = "codebeaker-build-cache";

/**
 * Runs a command under /src with Go's cache kept in a volume, and hands over the container, before it is removed, when the
 * command ended with 0. Nothing of the host is mounted, so a remote engine does as well.
 */
export async function runInBuilder<T>(
  docker: Docker,
  run: BuilderRun,
  then: (container: Docker.Container) => Promise<T>,
): Promise<T> {
  const container = await docker.createContainer({
    Image: run.image,
    Cmd: [...run.command],
    Env: [...run.environment],
    WorkingDir: "/src",
    Tty: true,
    Labels: { "codebeaker.setup": "true" },
    HostConfig: { NetworkMode: "none", Init: true, Binds: [`${cacheVolume}:/cache`] },
  });
  const remove = () => container.remove({ force: true }).catch(() => undefined);
  run.signal.addEventListener("abort", remove);
  try {
    await container.putArchive(run.sources, { path: "/src" });
    const output = await container.attach({ stream: true, stdout: true, stderr: true });
    const log = createWriteStream(run.logFile);
    output.on("data", (chunk: Buffer) => {
      log.write(chunk);
      run.onOutput?.(chunk);
    });
    await container.start();
    const { StatusCode: code } = await container.wait();
    await new Promise<void>((resolve) => log.end(resolve));
    if (code !== 0) {
      throw new SetupError(
        `${run.title} failed (exit code ${code})`,
        [`the whole log: ${run.logFile}`],
        lastLines(run.logFile, 30),
      );
    }
    return await then(container);
  } finally {
    run.signal.removeEventListener("abort", remove);
    await remove();
  }
}
