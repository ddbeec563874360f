import { join } from "node:path";
import { ensureDisk } from "../cgroup-v2/disk.ts";
import { openMachineFolder } from "../cgroup-v2/folder.ts";
import { testInMachine } from "../cgroup-v2/run.ts";
import { suiteOf } from "../cgroup-v2/suites.ts";
import { ensureTools } from "../cgroup-v2/tools.ts";
import { runCommand } from "./command.ts";
import { runtimeImages } from "./images/catalog.ts";

const suite = suiteOf(process.argv.slice(3));

await runCommand({ withoutRedis: true }, async ({ docker, images, state, progress }, { signal }) => {
  const tools = { docker, state, progress, signal };
  await ensureTools(tools);
  await images.sessions(runtimeImages);
  const folder = openMachineFolder(state);
  const disk = await ensureDisk({ ...tools, folder });
  const logFile = join(state.logs, "cgroup-v2.log");
  return await testInMachine(suite, { folder, disk, logFile, checkout: process.cwd(), progress, signal });
});
