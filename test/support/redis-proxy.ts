import { once } from "node:events";
import { connect as connectTo, createServer, type Socket } from "node:net";

/** A TCP proxy before the real Redis (at a URL, or the path of its unix socket), which can lose replies on their way. */
export interface RedisProxy {
  url: string;
  /**
   * The next request that holds this text is carried out by Redis, but its connection breaks before the reply comes back.
   * Resolves when that has happened.
   */
  loseReplyTo: (text: string) => Promise<void>;
  close: () => void;
}

export async function startRedisProxy(redisUrl: string): Promise<RedisProxy> {
  const reach = () => {
    if (redisUrl.startsWith("/")) return connectTo(redisUrl);
    const { port, hostname } = new URL(redisUrl);
    return connectTo(Number(port || 6379), hostname);
  };
  const sockets = new Set<Socket>();
  let armed: { text: string; done: () => void } | undefined;

  const server = createServer((client) => {
    const upstream = reach();
    let losing: (() => void) | undefined;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (bytes) => {
      if (armed && bytes.includes(armed.text)) {
        losing = armed.done;
        armed = undefined;
      }
      upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      if (!losing) {
        client.write(bytes);
        return;
      }
      // Redis has answered, so it has carried the request out.
      client.destroy();
      losing();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");

  return {
    url: `redis://127.0.0.1:${address.port}`,
    loseReplyTo: (text) =>
      new Promise((done) => {
        armed = { text, done };
      }),
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
