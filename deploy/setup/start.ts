import { once } from "node:events";
import { runCommand, type Stopping } from "./command.ts";
import { demonstrate } from "./demo.ts";
import { messageOf, reportError, SetupError } from "./errors.ts";
import { others, python } from "./images/catalog.ts";
import { watchOwnSessions } from "./own-sessions.ts";
import type { Ready } from "./prepare.ts";
import {
  type Address,
  addressOf,
  awaitHealth,
  checkPort,
  type Service,
  startService,
  stopLeftServices,
} from "./services.ts";
import { openStateFolder } from "./state.ts";

/**
 * npm start: set-up → API node and worker → Python's image → demonstration, the other images meanwhile → serving, until
 * Ctrl-C: sessions closed → API node and worker stopped → (by runCommand) Redis and engine, if they are ours.
 */
const stopDeadlineMs = 10_000;
const startedAt = performance.now();

const args = process.argv.slice(3);
const unknown = args.find((argument) => argument !== "--no-demo");
if (unknown !== undefined) {
  reportError(new SetupError(`npm start does not know "${unknown}"`, ["npm start -- --help"]));
  process.exit(2);
}
try {
  await stopLeftServices(openStateFolder(process.env));
  await checkPort(process.env);
} catch (error) {
  reportError(error);
  process.exit(1);
}
await runCommand({}, start);

async function start(ready: Ready, stopping: Stopping): Promise<number> {
  const { progress, environment, images } = ready;
  const address = addressOf(environment);
  const apiKey = environment.CODEBEAKER_API_KEY;
  const sessions = await watchOwnSessions(ready.docker, environment, progress);
  const services: Service[] = [];
  try {
    const tools = { ...ready, root: process.cwd() };
    services.push(await startService("worker", tools), await startService("api", tools));
    const healthy = progress.step("API node and worker", () =>
      awaitHealth(address, services, stopping.signal),
    );
    await Promise.all([healthy, images.session(python)]);

    const rest = images.sessions(others).catch((error) => {
      if (!stopping.signal.aborted) reportError(error);
    });
    if (!args.includes("--no-demo")) await demonstrate(address.webSocket, apiKey, progress);
    sayHowToConnect(address, services, ready);
    await Promise.race([rest, aborted(stopping.signal)]);
    if (!stopping.signal.aborted)
      progress.say("\nAll languages are ready: python, javascript, go, csharp. Ctrl-C stops everything.");
    await aborted(stopping.signal);
    progress.say("\n▸ stopping");
    return 0;
  } finally {
    await sessions
      .close({ url: address.webSocket, apiKey, hurry: stopping.hurry })
      .catch((error) => progress.say(`  the sessions could not be closed: ${messageOf(error)}`));
    const deadlineMs = stopping.hurry.aborted ? 1000 : stopDeadlineMs;
    await Promise.all(services.map((service) => service.stop(deadlineMs)));
  }
}

function sayHowToConnect(address: Address, services: readonly Service[], { progress }: Ready): void {
  progress.say(`
✔ serving on ${address.webSocket} after ${((performance.now() - startedAt) / 1000).toFixed(1)} s. Try it from another terminal:

  npx wscat -c ${address.webSocket}
  > {"jsonrpc":"2.0","id":1,"method":"session.create","params":{"language":"python"}}
  > {"jsonrpc":"2.0","id":2,"method":"session.execute","params":{"sessionId":"…","command":{"type":"execute_shell","commandName":"python3","args":["-c","print(6*7)"]}}}

  logs: ${services.map((service) => service.logFile).join(", ")}`);
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}
