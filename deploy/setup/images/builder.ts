import { existsSync } from "node:fs";
import { join } from "node:path";
import type Docker from "dockerode";
import { once } from "../once.ts";
import type { Progress } from "../progress.ts";
import type { StateFolder } from "../state.ts";
import { agentPath, buildAgent } from "./agent.ts";
import { buildImage, hasImage } from "./build.ts";
import { filesUnder } from "./build-context.ts";
import { officialGo, type RuntimeImage } from "./catalog.ts";
import { nodeContextParts } from "./node-packages.ts";
import type { ImagePlan } from "./plan.ts";
import { pruneImages } from "./prune.ts";
import { pullImage } from "./registry.ts";
import { type ContextPart, packContext } from "./tar.ts";

/** What building needs. */
export interface BuilderOptions {
  readonly docker: Docker;
  readonly root: string;
  readonly plan: ImagePlan;
  readonly state: StateFolder;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Makes the Debian base, when it is needed; its path. */
  readonly baseTar: () => Promise<string>;
  /** Builds everything anew, with the packages of today. */
  readonly refresh: boolean;
}

/** Builds what is missing, each thing once, however many ask for it. */
export interface ImageBuilder {
  /** The image of a language, tagged with its content key and `latest`. */
  session(image: RuntimeImage): Promise<void>;
  /** Several of them, side by side as far as they share nothing. */
  sessions(images: readonly RuntimeImage[]): Promise<void>;
  /** The image with Go and a C compiler, for the agent's tests; its name. */
  goRace(): Promise<string>;
}

/** Opens a builder; nothing happens until something is asked for. */
export function openImageBuilder(options: BuilderOptions): ImageBuilder {
  const { docker, root, plan, state, progress, signal, refresh, baseTar } = options;
  const missing = async (tag: string) => refresh || !(await hasImage(docker, tag));
  const folder = (name: string) => join(root, "deploy", "images", name);

  /** Builds the folder `name` of deploy/images as `tag` when that is missing. */
  const ensure = async (
    name: string,
    title: string,
    tag: string,
    base: () => Promise<string>,
    extra?: () => Promise<ContextPart[]>,
  ) => {
    if (!(await missing(tag))) return;
    const [baseTag, parts] = await Promise.all([base(), extra?.() ?? []]);
    await progress.step(title, (note) =>
      buildImage(docker, {
        tag,
        context: packContext([{ kind: "files", files: filesUnder(folder(name)) }, ...parts]),
        buildArguments: { BASE: baseTag, ROUTE: plan.route, ...proxyArguments(process.env) },
        logFile: join(state.logs, `image-${tag.replace(":", "-")}.log`),
        note,
        signal,
        useCache: !refresh,
      }),
    );
  };

  const debianBase = once(async () => {
    const tar = async (): Promise<ContextPart[]> => [
      { kind: "file", path: "base.tar", source: await baseTar(), mode: 0o644 },
    ];
    await ensure("base", "base image", plan.base, async () => "scratch", tar);
    return plan.base;
  });

  const baseFor = (official: string) => async () => {
    if (plan.route === "debian") return await debianBase();
    await pullImage({ docker, reference: official, progress, signal, always: refresh });
    return official;
  };

  const goBuilder = once(async () => {
    await ensure("go-builder", "agent builder", plan.goBuilder, baseFor(officialGo));
    return plan.goBuilder;
  });

  const agent = once(async () => {
    const path = agentPath(state, plan.agentKey);
    if (existsSync(path)) return path;
    const builder = await goBuilder();
    return await progress.step("agent", () =>
      buildAgent(docker, { folder: join(root, "src", "agent"), builder, key: plan.agentKey, state, signal }),
    );
  });

  const language = async (image: RuntimeImage) => {
    const tag = plan.language(image);
    const files = async (): Promise<ContextPart[]> => [
      { kind: "folder", path: "files" },
      ...(image.name === "nodejs" && plan.route === "debian" ? await nodeContextParts(state, signal) : []),
    ];
    await ensure(image.name, image.title, tag, baseFor(image.official), files);
    return tag;
  };

  const session = async (image: RuntimeImage) => {
    const tag = plan.session(image);
    if (await missing(tag)) {
      const [languageTag, binary] = await Promise.all([language(image), agent()]);
      const part: ContextPart = { kind: "file", path: "agent", source: binary, mode: 0o755 };
      await ensure(
        "session",
        `${image.title} with the agent`,
        tag,
        async () => languageTag,
        async () => [part],
      );
    }
    await docker.getImage(tag).tag({ repo: image.repository, tag: "latest" });
  };

  return {
    session,
    async sessions(wanted) {
      await Promise.all(wanted.map(session));
      await pruneImages(docker, plan);
    },
    goRace: once(async () => {
      await ensure("go-race", "race detector", plan.goRace, goBuilder);
      return plan.goRace;
    }),
  };
}

/** A proxy of the host, passed on to what a build fetches. */
function proxyArguments(environment: NodeJS.ProcessEnv): Record<string, string> {
  const names = ["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];
  return Object.fromEntries(names.flatMap((name) => (environment[name] ? [[name, environment[name]]] : [])));
}
