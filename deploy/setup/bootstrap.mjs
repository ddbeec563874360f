#!/usr/bin/env node
// The first step of npm start, npm test and npm run bench: runs on a clone with nothing installed, so it needs nothing
// but Node. It installs the dependencies where they are missing and hands over to the TypeScript part.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const oldestNode = 20;

const shared = `
What it looks for, in this order:
  Redis    REDIS_URL; localhost:6379; redis-server or valkey-server on the PATH (started, data in the state folder);
           on Debian and Ubuntu as root the package redis-server is installed.
  Docker   DOCKER_HOST; /var/run/docker.sock; on Debian and Ubuntu as root docker.io is installed and dockerd started.
  Images   from an image registry where one answers, else from Debian packages. Built once.

Environment (all optional):
  REDIS_URL, DOCKER_HOST            what to use instead of looking
  CODEBEAKER_IMAGES_FROM            registry or debian, instead of asking a registry
  CODEBEAKER_ALLOW_MISSING_LIMITS   true: go on with an engine that can't enforce memory, pids or CPU limits
  XDG_STATE_HOME                    the state folder is \${XDG_STATE_HOME:-~/.local/state}/codebeaker
Whatever it starts it stops again at its end; what was running before it leaves alone.`;

const commands = {
  start: `npm start [-- OPTIONS]

Sets everything up, starts one API node and one worker, runs a short demonstration, and serves on
ws://localhost:5000/ws/jsonrpc until Ctrl-C, which closes the sessions and stops what it started.

Options:
  --no-demo    leave the demonstration out
  --help       this text

CODEBEAKER_HOST, CODEBEAKER_PORT and every other variable of the API node and the worker are passed on to them.`,
  test: `npm test [-- ARGUMENTS FOR VITEST]

Does the same set-up, then runs the Go tests of the agent with the race detector and all tests of test/ by Vitest.
With arguments only Vitest runs, with them:  npm test -- test/sessions.test.ts -t 'a name'

  --help       this text`,
  "test:cgroup-v2": `npm run test:cgroup-v2 [-- --core | ARGUMENTS FOR VITEST]

Makes (once) and boots a user-mode Linux with cgroup v2 and a Docker Engine of its own, from Debian packages, and runs in
it, from this checkout, the tests that control groups could change. Needs root on Debian or a child of it.
With --core only the verdicts; with arguments Vitest gets them:  npm run test:cgroup-v2 -- test/limits.test.ts -t 'a name'

  --help       this text`,
  bench: `npm run bench [-- OPTIONS OF THE BENCHMARK]

Does the same set-up, then runs bench/main.ts:  npm run bench -- --quick --json FILE

  --help       this text`,
  images: `npm run images [-- OPTIONS] [NAME...]

Builds the runtime images that are missing or whose sources have changed: python, nodejs, golang, dotnet, or those named.

Options:
  --refresh    build all of them anew, with the packages of today
  --help       this text`,
};

const [command, ...args] = process.argv.slice(2);
if (command === undefined || !Object.hasOwn(commands, command)) {
  console.error(`usage: node deploy/setup/bootstrap.mjs ${Object.keys(commands).join("|")} [--help]`);
  process.exit(2);
}
if (args.includes("--help") || args.includes("-h")) {
  console.log(`${commands[command]}\n${shared}`);
  process.exit(0);
}
if (Number.parseInt(process.versions.node, 10) < oldestNode) {
  console.error(
    `Node ${process.versions.node} is too old: CodeBeaker needs Node ${oldestNode} or later (https://nodejs.org).`,
  );
  process.exit(1);
}

process.chdir(root);
installDependencies();
const { register } = await import("tsx/esm/api");
register();
await import(`./${command.replace(":", "-")}.ts`);

/** Runs npm ci unless node_modules belongs to this package-lock.json. */
function installDependencies() {
  const lock = join(root, "package-lock.json");
  const mark = join(root, "node_modules", ".codebeaker-lock");
  const key = createHash("sha256").update(readFileSync(lock)).digest("hex");
  if (
    existsSync(mark)
      ? readFileSync(mark, "utf8") === key
      : isNewer(join(root, "node_modules", ".package-lock.json"), lock)
  ) {
    return;
  }
  console.log("▸ installing the dependencies (npm ci)");
  const startedAt = performance.now();
  const npm = process.env.npm_execpath?.endsWith(".js")
    ? [process.execPath, process.env.npm_execpath]
    : ["npm"];
  const [program, ...before] = npm;
  const result = spawnSync(program, [...before, "ci", "--include=dev", "--loglevel=error"], {
    stdio: "inherit",
    cwd: root,
  });
  if (result.status !== 0) {
    console.error(`\n✖ npm ci failed${result.error ? `: ${result.error.message}` : ""}`);
    console.error("  → is the npm registry reachable? try it by hand: npm ci");
    process.exit(1);
  }
  writeFileSync(mark, key);
  console.log(`✔ dependencies (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`);
}

/** Whether `file` is there and was written after `than`. */
function isNewer(file, than) {
  return existsSync(file) && statSync(file).mtimeMs >= statSync(than).mtimeMs;
}
