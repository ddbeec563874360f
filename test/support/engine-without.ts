import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dockerClient } from "./stack.ts";

/**
 * What the engine of the tests would say of itself if its kernel lacked a controller, which can't be taken from a kernel
 * that others use. It answers nothing else.
 * @param limit the field of GET /info that becomes false.
 */
export async function startEngineWithout(
  limit: string,
): Promise<{ host: string; close: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "codebeaker-engine-without-"));
  const path = join(folder, "docker.sock");
  const info = JSON.stringify({ ...(await dockerClient().info()), [limit]: false });
  const server = createServer((request, response) => {
    if (request.url?.endsWith("/_ping")) response.end("OK");
    else if (request.url?.endsWith("/info")) response.setHeader("content-type", "application/json").end(info);
    else response.writeHead(500).end();
  });
  server.listen(path);
  await once(server, "listening");
  return {
    host: `unix://${path}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
