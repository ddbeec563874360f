import { join } from "node:path";
import type Docker from "dockerode";
import { filesUnder } from "./images/build-context.ts";
import { runInBuilder } from "./images/builder-run.ts";
import { packContext } from "./images/tar.ts";
import type { StateFolder } from "./state.ts";

/** Inputs that the fuzz test makes up, beside its seeds: a count, so that a slow machine tries as many. */
const FUZZ = "go test -run='^$' -fuzz='^FuzzReader$' -fuzztime=100000x ./internal/frame";

/**
 * Runs the tests of src/agent with the race detector, and then the fuzz test of its frames, in a container of the image
 * that has what it needs.
 */
export async function runGoTests(
  docker: Docker,
  options: { image: string; root: string; state: StateFolder; signal: AbortSignal },
): Promise<void> {
  await runInBuilder(
    docker,
    {
      image: options.image,
      sources: packContext([{ kind: "files", files: filesUnder(join(options.root, "src", "agent")) }]),
      // The fuzz test without the race detector: frames are read by one goroutine, and so it is done sooner.
      command: ["sh", "-c", `go test -race ./... && ${FUZZ}`],
      environment: ["CGO_ENABLED=1"],
      logFile: join(options.state.logs, "go-test.log"),
      title: "go test",
      signal: options.signal,
      onOutput: (chunk) => process.stdout.write(chunk),
    },
    async () => undefined,
  );
}
