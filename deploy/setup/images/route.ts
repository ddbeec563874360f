import { existsSync } from "node:fs";
import type Docker from "dockerode";
import { messageOf, SetupError } from "../errors.ts";
import type { Progress } from "../progress.ts";
import type { StateFolder } from "../state.ts";
import { agentPath } from "./agent.ts";
import { hasImage } from "./build.ts";
import { python, type Route, runtimeImages } from "./catalog.ts";
import { type ImagePlan, planImages } from "./plan.ts";
import { pullImage, registryAnswers } from "./registry.ts";

/** What `CODEBEAKER_IMAGES_FROM` says, if anything. */
export function configuredRoute(environment: NodeJS.ProcessEnv): Route | undefined {
  const value = environment.CODEBEAKER_IMAGES_FROM;
  if (value === undefined || value === "") return undefined;
  if (value === "registry" || value === "debian") return value;
  throw new SetupError(`CODEBEAKER_IMAGES_FROM is "${value}"`, ['it can be "registry" or "debian"']);
}

/** The route whose images are all there: then nobody has to be asked, and going online or offline builds nothing anew. */
export async function completeRoute(docker: Docker, root: string): Promise<ImagePlan | undefined> {
  for (const route of ["registry", "debian"] as const) {
    const plan = planImages(root, route);
    const present = await Promise.all(runtimeImages.map((image) => hasImage(docker, plan.session(image))));
    if (present.every(Boolean)) return plan;
  }
  return undefined;
}

/** The registry's route, once a pull has proved it; else Debian's. */
export async function provenRoute(docker: Docker, progress: Progress, signal: AbortSignal): Promise<Route> {
  if (!(await registryAnswers())) return "debian";
  try {
    await pullImage({ docker, reference: python.official, progress, signal });
    return "registry";
  } catch (error) {
    if (signal.aborted) throw error;
    progress.say(
      `  a registry answers, but not with images (${messageOf(error)}): building from Debian packages`,
    );
    return "debian";
  }
}

/** Whether something has to be built that stands on the Debian base directly. */
export async function needsBase(docker: Docker, plan: ImagePlan, state: StateFolder): Promise<boolean> {
  if (plan.route !== "debian" || (await hasImage(docker, plan.base))) return false;
  const missing = async (tag: string) => !(await hasImage(docker, tag));
  const needs = runtimeImages.map(
    async (image) => (await missing(plan.session(image))) && missing(plan.language(image)),
  );
  const needsBuilder = !existsSync(agentPath(state, plan.agentKey)) && missing(plan.goBuilder);
  return (await Promise.all([...needs, needsBuilder])).some(Boolean);
}
