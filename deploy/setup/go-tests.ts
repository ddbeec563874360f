import { join } from "node:path";
import type Docker from "dockerode";
import { filesUnder } from "./images/build-context.ts";
import { runInBuilder } from "./images/builder-run.ts";
import { packContext } from "./images/tar.ts";
import type { StateFolder } from "./state.ts";

/** Runs the tests of src/agent with the race detector, in a container of the image that has what it needs. */
export async function runGoTests(
  docker: Docker,
  options: { image: string; root: string; state: StateFolder; signal: AbortSignal },
): Promise<void> {
  await runInBuilder(
    docker,
    {
      image: options.image,
      sources: packContext([{ kind: "files", files: filesUnder(join(options.root, "src", "agent")) }]),
      command: ["go", "test", "-race", "./..."],
      environment: ["CGO_ENABLED=1"],
      logFile: join(options.state.logs, "go-test.log"),
      title: "go test -race",
      signal: options.signal,
      onOutput: (chunk) => process.stdout.write(chunk),
    },
    async () => undefined,
  );
}
