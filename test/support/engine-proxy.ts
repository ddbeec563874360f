import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Stands between a worker and the engine, and takes it away from the worker while its containers live on. */
export interface EngineProxy {
  /** For `DOCKER_HOST`. */
  host: string;
  /** `cut`: connections break and new ones are refused. `silent`: they stay, and nothing goes through. */
  takeAway: (how: "cut" | "silent") => void;
  giveBack: () => void;
  close: () => Promise<void>;
}

/** Starts one before the engine at `engineHost` (unix:///path). */
export async function startEngineProxy(engineHost: string): Promise<EngineProxy> {
  const folder = await mkdtemp(join(tmpdir(), "codebeaker-engine-proxy-"));
  const path = join(folder, "docker.sock");
  const sockets = new Set<Socket>();
  let away: "cut" | "silent" | undefined;

  const server = createServer({ allowHalfOpen: true }, (worker) => {
    if (away === "cut") {
      worker.destroy();
      return;
    }
    const engine = connect({ path: new URL(engineHost).pathname, allowHalfOpen: true });
    for (const [from, to] of [
      [worker, engine],
      [engine, worker],
    ] as const) {
      sockets.add(from);
      from.on("error", () => {});
      from.on("data", (bytes) => to.write(bytes));
      from.on("end", () => to.end());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      if (away === "silent") from.pause();
    }
  });
  server.listen(path);
  await once(server, "listening");

  return {
    host: `unix://${path}`,
    takeAway: (how) => {
      away = how;
      for (const socket of sockets) {
        if (how === "cut") socket.destroy();
        else socket.pause();
      }
    },
    giveBack: () => {
      away = undefined;
      for (const socket of sockets) socket.resume();
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
