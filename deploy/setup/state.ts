import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** The folder that outlives a run: data of our Redis, logs, what was fetched or built outside Docker. */
export interface StateFolder {
  readonly root: string;
  readonly cache: string;
  readonly logs: string;
  readonly redis: string;
  readonly processes: string;
}

/** Creates (where missing) the state folder of this user. */
export function openStateFolder(environment: NodeJS.ProcessEnv): StateFolder {
  const base = environment.XDG_STATE_HOME || join(homedir(), ".local", "state");
  const root = join(base, "codebeaker");
  const folder: StateFolder = {
    root,
    cache: join(root, "cache"),
    logs: join(root, "logs"),
    redis: join(root, "redis"),
    processes: join(root, "processes"),
  };
  for (const path of Object.values(folder)) mkdirSync(path, { recursive: true, mode: 0o700 });
  return folder;
}
