import { fork } from "node:child_process";
import { once } from "node:events";
import type Docker from "dockerode";
import type { Redis } from "ioredis";
import { pino } from "pino";
import { WebSocket } from "ws";
import { connectAgent } from "../src/worker/agent/connection.ts";
import { attachAgent } from "../src/worker/agent/docker-stream.ts";
import { type Figures, repeat } from "./measure.ts";

/** The least that this machine needs for the parts of a command, each alone. */
export interface Floor {
  webSocketEcho: Figures;
  redisRoundTrip: Figures;
  agentSpawn: Figures;
}

export async function measureFloor(
  docker: Docker,
  redis: Redis,
  container: Docker.ContainerCreateOptions,
  times: number,
): Promise<Floor> {
  return {
    webSocketEcho: await webSocketEcho(times),
    redisRoundTrip: await repeat(times, 50, async () => {
      await redis.ping();
    }),
    agentSpawn: await agentSpawn(docker, container, times),
  };
}

async function webSocketEcho(times: number): Promise<Figures> {
  const server = fork(new URL("./echo-server.ts", import.meta.url), { execArgv: ["--import", "tsx"] });
  try {
    const [port] = await once(server, "message");
    const socket = new WebSocket(`ws://127.0.0.1:${port}`);
    await once(socket, "open");
    const message = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "session.execute", params: {} });
    const figures = await repeat(times, 50, async () => {
      socket.send(message);
      await once(socket, "message");
    });
    socket.close();
    return figures;
  } finally {
    server.kill();
  }
}

/** `true` by the agent of a container of its own: from the START frame to the END frame. */
async function agentSpawn(
  docker: Docker,
  options: Docker.ContainerCreateOptions,
  times: number,
): Promise<Figures> {
  const container = await docker.createContainer(options);
  try {
    const stream = await attachAgent(docker, container.id, pino({ level: "silent" }));
    await container.start();
    let onEnd: () => void = () => {};
    const agent = await connectAgent(stream, 1, {
      onOutput: () => {},
      onInputTaken: () => {},
      onEnd: (id) => {
        agent.acknowledgeEnd(id);
        onEnd();
      },
      onStartRefused: (_id, refusal) => {
        throw new Error(`the agent refused: ${refusal.reason}`);
      },
    });
    let count = 0;
    const figures = await repeat(times, 20, () => {
      const ended = new Promise<void>((resolve) => {
        onEnd = resolve;
      });
      agent.start(`floor-${count++}`, { timeoutMs: 10_000, steps: [{ op: "run", argv: ["true"] }] });
      return ended;
    });
    agent.close();
    return figures;
  } finally {
    await container.remove({ force: true });
  }
}
