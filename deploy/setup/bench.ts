import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { stopChild } from "./child.ts";
import { runCommand } from "./command.ts";
import { python } from "./images/catalog.ts";

await runCommand({}, async ({ images, progress, environment }, { signal }) => {
  await images.session(python);
  progress.close();
  const child = spawn(
    process.execPath,
    ["--import", "tsx", join(process.cwd(), "bench", "main.ts"), ...process.argv.slice(3)],
    { stdio: "inherit", env: environment },
  );
  signal.addEventListener("abort", () => void stopChild(child, 10_000));
  const [code] = await once(child, "exit");
  return typeof code === "number" ? code : 1;
});
