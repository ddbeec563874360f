import { WebSocketServer } from "ws";

/** A process of its own that sends back what it gets: the floor of any service behind a WebSocket. */
const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
server.on("connection", (socket) => socket.on("message", (data) => socket.send(data, { binary: false })));
server.on("listening", () => {
  const address = server.address();
  if (address && typeof address === "object") process.send?.(address.port);
});
