import { readFileSync } from "node:fs";
import { z } from "zod";
import { LANGUAGES } from "../../shared/protocol/languages.ts";
import { MAX_OPEN_COMMANDS } from "../../shared/redis/commands.ts";
import type { Method } from "../context.ts";
import { MAX_MESSAGE_BYTES } from "../limits.ts";

const packageFile = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
const { version } = z.object({ version: z.string() }).parse(JSON.parse(packageFile));

/** Who the server is and what it can do. */
export const initialize: Method<"initialize"> = async (_params, { config }) => ({
  name: "codebeaker",
  version,
  protocolVersion: 1,
  languages: LANGUAGES.map(({ name }) => name),
  limits: {
    maxMessageBytes: MAX_MESSAGE_BYTES,
    maxOutputBytes: config.maxOutputBytes,
    maxOpenCommands: MAX_OPEN_COMMANDS,
  },
});
