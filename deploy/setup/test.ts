import { runCommand } from "./command.ts";
import { reportError } from "./errors.ts";
import { runGoTests } from "./go-tests.ts";
import { runtimeImages } from "./images/catalog.ts";
import { runVitest } from "./vitest.ts";

const root = process.cwd();
const args = process.argv.slice(3);

await runCommand({}, async ({ docker, images, state, progress, environment }, { signal }) => {
  const goTests = async () => {
    const image = await images.goRace();
    await progress.step("Go tests of the agent, with the race detector", () =>
      runGoTests(docker, { image, root, state, signal }),
    );
  };

  await images.sessions(runtimeImages);
  const goFailure = args.length === 0 ? await goTests().catch((error: unknown) => error) : undefined;
  signal.throwIfAborted();
  if (goFailure !== undefined) reportError(goFailure);
  progress.close();

  const outcome = await runVitest({ root, args, environment, signal });
  if (goFailure !== undefined) console.log("\nThe Go tests of the agent failed: see above.");
  console.log(`\n${outcome.passed ?? "?"} passed, ${outcome.failed ?? "?"} failed`);
  return goFailure === undefined ? outcome.exitCode : 1;
});
