import { join } from "node:path";
import { contentKey } from "../hash.ts";
import { agentKey } from "./agent.ts";
import { filesUnder, keyParts } from "./build-context.ts";
import { buildRepository, officialGo, type Route, type RuntimeImage } from "./catalog.ts";
import { debianBaseKey } from "./debian-base.ts";
import { nodePackagesKey } from "./node-packages.ts";

/** Every name of every image of a route, each with the content key of all that it is built from. */
export interface ImagePlan {
  readonly route: Route;
  /** The Debian base; on the registry's route each image has an official base instead. */
  readonly base: string;
  readonly goBuilder: string;
  readonly goRace: string;
  readonly agentKey: string;
  /** The language without the agent. */
  language(image: RuntimeImage): string;
  /** The image that sessions run in. */
  session(image: RuntimeImage): string;
}

/** Works out the names without asking anyone, so that a start with nothing to build takes no time. */
export function planImages(root: string, route: Route): ImagePlan {
  const folder = (name: string) => join(root, "deploy", "images", name);
  const baseKey =
    route === "debian" ? contentKey([debianBaseKey, ...keyParts(filesUnder(folder("base")))]) : "official";
  const keyOf = (name: string, ...more: string[]) =>
    contentKey([route, baseKey, ...more, ...keyParts(filesUnder(folder(name)))]);
  const builderKey = keyOf("go-builder", officialGo);
  const agent = agentKey(join(root, "src", "agent"), builderKey);
  const languageKey = (image: RuntimeImage) =>
    keyOf(image.name, image.official, image.name === "nodejs" && route === "debian" ? nodePackagesKey : "");
  const intermediate = (name: string, key: string) => `${buildRepository}:${name}-${key}`;
  return {
    route,
    base: intermediate("base", baseKey),
    goBuilder: intermediate("go-builder", builderKey),
    goRace: intermediate("go-race", keyOf("go-race", builderKey)),
    agentKey: agent,
    language: (image) => intermediate(image.name, languageKey(image)),
    session: (image) => `${image.repository}:${keyOf("session", languageKey(image), agent)}`,
  };
}
