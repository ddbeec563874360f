import { lookup } from "node:dns/promises";
import { connect, createServer, type Socket } from "node:net";
import { pipeline } from "node:stream/promises";

/**
 * One address in front of any number of API nodes (compose.yaml): each connection goes, byte for byte, to the next node
 * that the name `api` stands for, and past those that do not answer. Any node serves any client, so nothing is remembered.
 */
const nodes = process.env.CODEBEAKER_NODES ?? "api";
const port = Number(process.env.CODEBEAKER_PORT ?? 5000);
const connectDeadlineMs = 2000;
let turn = 0;

const server = createServer({ allowHalfOpen: true }, (client) => {
  client.on("error", () => {});
  forward(client).catch(() => client.destroy());
});

async function forward(client: Socket): Promise<void> {
  const found = await lookup(nodes, { all: true });
  const addresses = found.map(({ address }) => address).sort();
  turn += 1;
  for (let tried = 0; tried < addresses.length; tried++) {
    const address = addresses[(turn + tried) % addresses.length];
    const node = address === undefined ? undefined : await connected(address);
    if (node === undefined) continue;
    await Promise.allSettled([pipeline(client, node), pipeline(node, client)]);
    return;
  }
  client.end("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

/** A connection to a node, or undefined when it does not answer in time. */
function connected(host: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: 5000, allowHalfOpen: true, noDelay: true });
    const timer = setTimeout(() => socket.destroy(new Error("late")), connectDeadlineMs);
    socket.once("connect", () => {
      clearTimeout(timer);
      resolve(socket);
    });
    socket.on("error", () => {
      clearTimeout(timer);
      resolve(undefined);
    });
  });
}

server.listen(port, () => console.log(`in front of the API nodes (${nodes}), port ${port}`));
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => process.exit(0));
