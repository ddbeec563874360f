import { existsSync } from "node:fs";
import { join } from "node:path";
import type Docker from "dockerode";
import { canInstallPackages, installPackages, isDebianLike } from "./apt.ts";
import { openBaseMaker } from "./base-maker.ts";
import { awaitEngine, checkLimits, type FoundEngine, findEngine, startEngine } from "./engine.ts";
import { SetupError } from "./errors.ts";
import { type ImageBuilder, openImageBuilder } from "./images/builder.ts";
import { type ImagePlan, planImages } from "./images/plan.ts";
import { registryAnswers } from "./images/registry.ts";
import { completeRoute, configuredRoute, needsBase, provenRoute } from "./images/route.ts";
import type { OwnProcess } from "./processes.ts";
import { openProgress, type Progress } from "./progress.ts";
import { type FoundRedis, findRedis, startRedis } from "./redis.ts";
import { openStateFolder, type StateFolder } from "./state.ts";
import { which } from "./which.ts";

/** Everything that a command stands on. */
export interface Ready {
  readonly docker: Docker;
  readonly images: ImageBuilder;
  readonly state: StateFolder;
  readonly progress: Progress;
  /** The environment of API nodes, workers, tests and the benchmark. */
  readonly environment: NodeJS.ProcessEnv;
  /** Stops the Redis and the engine that this run started; may be called twice. */
  stop(): Promise<void>;
}

export interface PrepareOptions {
  readonly root: string;
  readonly signal: AbortSignal;
  readonly refresh?: boolean;
  /** Building images needs no Redis. */
  readonly withoutRedis?: boolean;
}

type Tools = { state: StateFolder; progress: Progress; signal: AbortSignal };

const serviceDeadlineMs = 20_000;
const stopDeadlineMs = 20_000;
const hasSystemd = existsSync("/run/systemd/system");

/**
 * Finds or starts Redis and a Docker engine and opens the builder of images. On a fresh machine what takes longest runs
 * side by side: the Debian base is made while the packages of Redis and Docker are installed.
 */
export async function prepare(options: PrepareOptions): Promise<Ready> {
  const { root, signal } = options;
  const state = openStateFolder(process.env);
  const progress = openProgress(process.stdout, signal);
  const tools = { state, progress, signal };
  const base = openBaseMaker(tools, options.refresh ?? false);
  const own: OwnProcess[] = [];
  const keep = <T extends { own: OwnProcess | undefined }>(found: T): T => {
    if (found.own !== undefined) own.push(found.own);
    return found;
  };
  const stop = async () => {
    progress.close();
    await Promise.all(own.map((process) => process.stop(stopDeadlineMs)));
  };
  try {
    const [runningRedis, runningEngine] = await Promise.all([
      options.withoutRedis ? undefined : findRedis(process.env, state),
      findEngine(process.env, state),
    ]);
    for (const found of [runningRedis, runningEngine]) if (found !== undefined) keep(found);
    // Before anything is installed or built for an engine that is refused.
    if (runningEngine !== undefined) await checkLimits(runningEngine, process.env);
    const needsRedis = runningRedis === undefined && !options.withoutRedis;
    refuseWhatCannotBeInstalled(needsRedis, runningEngine === undefined);

    const known = await planWithoutInstalling(root, runningEngine, tools);
    if (known !== undefined && (await mayNeedBase(known, runningEngine, state))) {
      await base.installTool();
      base.tar().catch(() => undefined); // who needs it awaits it, and gets the error
    }
    await installMissing(needsRedis, runningEngine === undefined, tools);

    const [redis, engine] = await Promise.all([
      needsRedis ? progress.step("Redis", async () => keep(await runRedis(tools))) : runningRedis,
      runningEngine ?? progress.step("Docker engine", async () => keep(await runEngine(tools))),
    ]);
    if (runningEngine === undefined) await checkLimits(engine, process.env);
    if (redis) progress.say(`  Redis   ${redis.url.replace(/\/\/[^@/]*@/, "//…@")} (${redis.origin})`);
    progress.say(`  Docker  ${engine.host} (${engine.origin})`);

    const plan = known ?? planImages(root, await provenRoute(engine.docker, progress, signal));
    return {
      docker: engine.docker,
      images: openImageBuilder({
        docker: engine.docker,
        root,
        plan,
        ...tools,
        baseTar: base.tar,
        refresh: options.refresh ?? false,
      }),
      state,
      progress,
      environment: {
        ...process.env,
        DOCKER_HOST: engine.host,
        ...(redis ? { REDIS_URL: redis.address } : {}),
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The plan, unless only a pull can tell which one it is. */
async function planWithoutInstalling(
  root: string,
  engine: FoundEngine | undefined,
  tools: Tools,
): Promise<ImagePlan | undefined> {
  const configured = configuredRoute(process.env);
  if (configured !== undefined) return planImages(root, configured);
  if (engine !== undefined) {
    const complete = await completeRoute(engine.docker, root);
    if (complete !== undefined) return complete;
    return planImages(root, await provenRoute(engine.docker, tools.progress, tools.signal));
  }
  return (await registryAnswers()) ? undefined : planImages(root, "debian");
}

/** Says what is missing where it can't be installed. */
function refuseWhatCannotBeInstalled(needsRedis: boolean, needsEngine: boolean): void {
  const lacksRedis = needsRedis && which("redis-server", "valkey-server") === undefined;
  const lacksEngine = needsEngine && (which("dockerd") === undefined || process.getuid?.() !== 0);
  if (canInstallPackages() || (!lacksRedis && !lacksEngine)) return;
  const isMac = process.platform === "darwin";
  const hints: string[] = [];
  if (lacksRedis) {
    hints.push(
      isMac
        ? "Redis: brew install redis"
        : isDebianLike()
          ? "Redis: sudo apt-get install redis-server"
          : "Redis 7 or Valkey: https://redis.io/docs/latest/operate/oss_and_stack/install/",
      "or set REDIS_URL to a Redis 7 or Valkey that runs elsewhere",
    );
  }
  if (lacksEngine) {
    hints.push(
      isMac
        ? "Docker: install and start Docker Desktop (https://docs.docker.com/desktop/)"
        : isDebianLike()
          ? "Docker: sudo apt-get install docker.io, then sudo usermod -aG docker $USER and log in again"
          : "Docker: https://docs.docker.com/engine/install/, then start its service",
      "or set DOCKER_HOST to an engine that runs elsewhere",
    );
    if (!isMac && process.getuid?.() !== 0)
      hints.push("or run this command as root, which installs and starts what is missing");
  }
  const names = [...(lacksRedis ? ["Redis"] : []), ...(lacksEngine ? ["a Docker engine"] : [])].join(" and ");
  throw new SetupError(
    `${names} ${lacksRedis && lacksEngine ? "are" : "is"} missing, and can't be installed from here`,
    hints,
  );
}

/** Whether the Debian base is sure to be needed, as far as that can be told before there is an engine. */
async function mayNeedBase(
  plan: ImagePlan,
  engine: FoundEngine | undefined,
  state: StateFolder,
): Promise<boolean> {
  if (engine === undefined) return plan.route === "debian";
  return await needsBase(engine.docker, plan, state);
}

async function installMissing(needsRedis: boolean, needsEngine: boolean, tools: Tools): Promise<void> {
  const packages = [
    ...(needsRedis && which("redis-server", "valkey-server") === undefined ? ["redis-server"] : []),
    ...(needsEngine && which("dockerd") === undefined ? ["docker.io", "iptables"] : []),
  ];
  if (packages.length > 0)
    await installPackages(packages, "CodeBeaker needs them, and none runs here", tools);
}

/** A package may have started its own service meanwhile: then that one is used. */
async function runRedis(tools: Tools): Promise<FoundRedis> {
  const found = await findRedis({}, tools.state);
  if (found !== undefined) return found;
  const program = which("redis-server", "valkey-server");
  if (program === undefined)
    throw new SetupError("redis-server is still missing", [`see ${join(tools.state.logs, "apt.log")}`]);
  return await startRedis(program, tools.state, tools.signal);
}

async function runEngine(tools: Tools): Promise<FoundEngine> {
  const found = hasSystemd
    ? await awaitEngine(tools.state, serviceDeadlineMs)
    : await findEngine({}, tools.state);
  if (found !== undefined) return found;
  const program = which("dockerd");
  if (program === undefined)
    throw new SetupError("dockerd is still missing", [`see ${join(tools.state.logs, "apt.log")}`]);
  return await startEngine(program, tools.state, tools.signal);
}
