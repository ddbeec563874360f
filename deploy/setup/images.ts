import Docker from "dockerode";
import { openImageBuilder } from "./images/builder.ts";
import { runtimeImages } from "./images/catalog.ts";
import { planImages } from "./images/plan.ts";
import { openProgress } from "./progress.ts";
import { openStateFolder } from "./state.ts";

// temporary
const b = openImageBuilder({
  docker: new Docker(),
  root: process.cwd(),
  plan: planImages(process.cwd(), "debian"),
  state: openStateFolder(process.env),
  progress: openProgress(process.stdout),
  signal: new AbortController().signal,
  refresh: false,
});
const only = process.argv.slice(2);
for (const i of runtimeImages.filter((x) => only.length === 0 || only.includes(x.name))) await b.session(i);
process.exit(0);
