import { createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type Docker from "dockerode";
import { z } from "zod";
import { lastLines } from "../child.ts";
import { SetupError } from "../errors.ts";
import type { Note } from "../progress.ts";

/** One image to build through the Engine's REST API. */
export interface Build {
  /** The tag that it gets, `repository:tag`. */
  readonly tag: string;
  readonly context: Readable;
  readonly buildArguments: Readonly<Record<string, string>>;
  readonly logFile: string;
  readonly note: Note;
  readonly signal: AbortSignal;
  readonly useCache: boolean;
}

const message = z.object({ stream: z.string().optional(), error: z.string().optional() });

/** Builds an image with the classic builder, which every engine from 20.10 on has, so no docker command is needed. */
export async function buildImage(docker: Docker, build: Build): Promise<void> {
  const response = await docker.buildImage(build.context, {
    t: build.tag,
    buildargs: { ...build.buildArguments },
    networkmode: "host",
    rm: true,
    forcerm: true,
    nocache: !build.useCache,
    labels: { "codebeaker.image": "true" },
    abortSignal: build.signal,
  });
  const log = createWriteStream(build.logFile);
  let failure: string | undefined;
  for await (const line of createInterface({ input: response })) {
    const part = message.safeParse(JSON.parse(line));
    if (!part.success) continue;
    if (part.data.error !== undefined) failure = part.data.error;
    const text = part.data.stream ?? part.data.error ?? "";
    log.write(text);
    const shown = text.trim().split("\n").at(-1);
    // "---> Running in …" would hide the step that it belongs to.
    if (shown && !shown.startsWith("--->")) build.note(shown);
  }
  await new Promise<void>((resolve) => log.end(resolve));
  if (failure !== undefined) {
    throw new SetupError(
      `the image ${build.tag} could not be built: ${failure}`,
      [`the whole log: ${build.logFile}`],
      lastLines(build.logFile),
    );
  }
}

/** Whether the engine has an image of this name. */
export async function hasImage(docker: Docker, tag: string): Promise<boolean> {
  try {
    await docker.getImage(tag).inspect();
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** Whether the Engine's API answered 404. */
export function isNotFound(error: unknown): boolean {
  return error instanceof Error && "statusCode" in error && error.statusCode === 404;
}
