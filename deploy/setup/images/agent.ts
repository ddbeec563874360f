import { existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import type Docker from "dockerode";
import tar from "tar-stream";
import { SetupError } from "../errors.ts";
import { contentKey } from "../hash.ts";
import type { StateFolder } from "../state.ts";
import { filesUnder, keyParts } from "./build-context.ts";
import { runInBuilder } from "./builder-run.ts";
import { packContext } from "./tar.ts";

/** The sources of the agent that end up in its binary. */
export function agentSources(folder: string) {
  return filesUnder(
    folder,
    (path) => /(^|\/)(go\.mod|go\.sum|[^/]+\.go)$/.test(path) && !path.endsWith("_test.go"),
  );
}

/** The key of the agent's binary: its sources and what compiles them. */
export function agentKey(folder: string, builderKey: string): string {
  return contentKey([builderKey, ...keyParts(agentSources(folder))]);
}

/** Where the binary of a key lies once it has been built. */
export function agentPath(state: StateFolder, key: string): string {
  return join(state.cache, `agent-${key}`);
}

/** Compiles the agent, static and without debugging tables, in a container of the builder image. */
export async function buildAgent(
  docker: Docker,
  options: { folder: string; builder: string; key: string; state: StateFolder; signal: AbortSignal },
): Promise<string> {
  const target = agentPath(options.state, options.key);
  if (existsSync(target)) return target;
  const binary = await runInBuilder(
    docker,
    {
      image: options.builder,
      sources: packContext([{ kind: "files", files: agentSources(options.folder) }]),
      command: ["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", "/out/agent", "."],
      environment: ["CGO_ENABLED=0"],
      logFile: join(options.state.logs, "agent.log"),
      title: "compiling the agent",
      signal: options.signal,
    },
    async (container) => await onlyFileOf(await container.getArchive({ path: "/out/agent" })),
  );
  const unfinished = `${target}.${process.pid}`;
  writeFileSync(unfinished, binary, { mode: 0o755 });
  renameSync(unfinished, target);
  return target;
}

/** The content of the single file of a tar. */
async function onlyFileOf(archive: NodeJS.ReadableStream): Promise<Buffer> {
  const extract = tar.extract();
  archive.pipe(extract);
  for await (const entry of extract) return await buffer(entry);
  throw new SetupError("the agent's binary is missing in the builder's answer");
}
