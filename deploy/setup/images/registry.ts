import { createInterface } from "node:readline";
import type Docker from "dockerode";
import { z } from "zod";
import { SetupError } from "../errors.ts";
import type { Progress } from "../progress.ts";
import { hasImage } from "./build.ts";

const probeUrl = "https://registry-1.docker.io/v2/";
const probeDeadlineMs = 3000;

/** Whether Docker's registry answers as a registry does, and not a proxy in its place. */
export async function registryAnswers(): Promise<boolean> {
  try {
    const response = await fetch(probeUrl, { signal: AbortSignal.timeout(probeDeadlineMs) });
    const isRegistry = response.headers.get("docker-distribution-api-version") !== null;
    return isRegistry && (response.status === 200 || response.status === 401);
  } catch {
    return false;
  }
}

const message = z.object({
  error: z.string().optional(),
  status: z.string().optional(),
  id: z.string().optional(),
});

/** Pulls an image unless the engine has it. */
export async function pullImage(pull: {
  docker: Docker;
  reference: string;
  progress: Progress;
  signal: AbortSignal;
  always?: boolean;
}): Promise<void> {
  if (pull.always !== true && (await hasImage(pull.docker, pull.reference))) return;
  await pull.progress.step(`pulling ${pull.reference}`, async (note) => {
    const stream = await pull.docker.pull(pull.reference, { abortSignal: pull.signal });
    for await (const line of createInterface({ input: stream })) {
      const part = message.safeParse(JSON.parse(line));
      if (!part.success) continue;
      if (part.data.error !== undefined)
        throw new SetupError(`${pull.reference} could not be pulled: ${part.data.error}`);
      note([part.data.status, part.data.id].filter(Boolean).join(" "));
    }
  });
}
