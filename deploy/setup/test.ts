import { runCommand } from "./command.ts";
import { runGoTests } from "./go-tests.ts";
import { runtimeImages } from "./images/catalog.ts";
import { runVitest } from "./vitest.ts";

const root = process.cwd();
const args = process.argv.slice(3);

await runCommand({}, async ({ docker, images, state, progress, environment }, { signal }) => {
  await images.sessions(runtimeImages);
  if (args.length === 0) {
    const image = await images.goRace();
    await progress.step("Go tests of the agent, with the race detector", () =>
      runGoTests(docker, { image, root, state, signal }),
    );
  }
  signal.throwIfAborted();
  progress.close();
  const outcome = await runVitest({ root, args, environment, signal });
  console.log(`\n${outcome.passed ?? "?"} passed, ${outcome.failed ?? "?"} failed`);
  return outcome.exitCode;
});
