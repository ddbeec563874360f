import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

// npm run conformance: points Vitest at the server of CODEBEAKER_URL. Arguments go to Vitest.
const { CODEBEAKER_URL } = process.env;
if (!CODEBEAKER_URL || !/^wss?:\/\//.test(CODEBEAKER_URL)) {
  console.error(
    [
      "CODEBEAKER_URL is missing: the WebSocket address of the server to check, for example",
      "  CODEBEAKER_URL=ws://localhost:5000/ws/jsonrpc npm run conformance",
      "CODEBEAKER_API_KEY is sent to it where it is set.",
    ].join("\n"),
  );
  process.exit(2);
}

const here = fileURLToPath(new URL(".", import.meta.url));
const vitest = fileURLToPath(new URL("../../node_modules/vitest/vitest.mjs", import.meta.url));
const child = spawn(
  process.execPath,
  [vitest, "run", "--root", here, "--config", `${here}vitest.config.ts`, ...process.argv.slice(2)],
  { stdio: "inherit" },
);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
child.on("exit", (code) => process.exit(code ?? 1));
