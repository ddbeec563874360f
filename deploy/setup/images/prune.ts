import type Docker from "dockerode";
import { buildRepository, runtimeImages } from "./catalog.ts";
import type { ImagePlan } from "./plan.ts";

/** Only names with a content key are ours to remove; a tag that someone gave by hand is not. */
const withKey = /^[^:]+:([a-z-]+-)?[0-9a-f]{16}$/;

/** Another checkout may use the same engine; what it has built lately is left alone. */
const oldMs = 7 * 24 * 3600 * 1000;

/** Removes what earlier versions of the sources have left: tags of our repositories that are old and not in the plan. */
export async function pruneImages(docker: Docker, plan: ImagePlan): Promise<void> {
  const repositories = new Set([buildRepository, ...runtimeImages.map((image) => image.repository)]);
  const wanted = new Set([
    plan.base,
    plan.goBuilder,
    plan.goRace,
    ...runtimeImages.flatMap((image) => [
      plan.language(image),
      plan.session(image),
      `${image.repository}:latest`,
    ]),
  ]);
  for (const { RepoTags: tags, Created: createdAt } of await docker.listImages()) {
    if (Date.now() - createdAt * 1000 < oldMs) continue;
    for (const tag of tags ?? []) {
      const isOurs = withKey.test(tag) && repositories.has(tag.slice(0, tag.lastIndexOf(":")));
      if (!isOurs || wanted.has(tag)) continue;
      // The engine refuses when a container still uses it: then it stays until the next time.
      await docker
        .getImage(tag)
        .remove()
        .catch(() => undefined);
    }
  }
}
