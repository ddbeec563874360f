import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { Config } from "../shared/config.ts";
import { hasAllowedOrigin, hasKey } from "./auth.ts";
import type { Health } from "./health.ts";
import { MAX_FRAME_BYTES } from "./limits.ts";

const WEBSOCKET_PATH = "/ws/jsonrpc";

interface Answer {
  status: number;
  body: object;
}

/**
 * The HTTP side of a node: health, and the upgrade to WebSocket behind the checks of path, origin and key.
 * `onClient` is given each connection that has passed, and the stream below it.
 */
export function createHttpServer(
  { apiKey, origins }: Pick<Config, "apiKey" | "origins">,
  health: () => Promise<Health>,
  onClient: (socket: WebSocket, stream: Duplex) => void,
): Server {
  const upgrader = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
    clientTracking: false,
  });

  async function answer(request: IncomingMessage): Promise<Answer> {
    const path = pathOf(request);
    if (path === "/health/live") return { status: 200, body: { ok: true } };
    if (path === "/health") {
      const state = await health();
      return { status: state.ok ? 200 : 503, body: state };
    }
    // This node can serve, even while no worker lives: results are still read here.
    if (path === "/health/ready") {
      const state = await health();
      return { status: state.redis === "ok" ? 200 : 503, body: state };
    }
    const refusal = refuse(request);
    if (refusal) return refusal;
    return { status: 426, body: { error: `Connect by WebSocket: ws://…${WEBSOCKET_PATH}` } };
  }

  /** Why a request is not served, where it is not. */
  function refuse(request: IncomingMessage): Answer | undefined {
    if (!hasAllowedOrigin(request, origins)) {
      const error = "Pages of this origin may not connect. CODEBEAKER_ORIGINS names those that may.";
      return { status: 403, body: { error } };
    }
    if (!hasKey(request, apiKey)) {
      return { status: 401, body: { error: "Send the API key: Authorization: Bearer <key>" } };
    }
    if (pathOf(request) !== WEBSOCKET_PATH) {
      const error = `There is nothing here. The WebSocket is at ${WEBSOCKET_PATH}, the state of the service at /health.`;
      return { status: 404, body: { error } };
    }
    return undefined;
  }

  const server = createServer((request, response) => {
    answer(request).then(
      (answer) => respond(response, answer),
      () => respond(response, { status: 500, body: { error: "internal error" } }),
    );
  });

  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    const refusal = refuse(request);
    if (refusal) refuseUpgrade(socket, refusal);
    else upgrader.handleUpgrade(request, socket, head, (client) => onClient(client, socket));
  });
  return server;
}

function pathOf(request: IncomingMessage): string {
  return request.url?.split("?", 1)[0] ?? "";
}

function headersOf({ status }: Answer, bodyBytes: number): Record<string, string | number> {
  return {
    "Content-Type": "application/json",
    "Content-Length": bodyBytes,
    "Cache-Control": "no-store",
    ...(status === 401 && { "WWW-Authenticate": "Bearer" }),
    ...(status === 426 && { Upgrade: "websocket" }),
  };
}

function respond(response: ServerResponse, answer: Answer): void {
  const body = `${JSON.stringify(answer.body)}\n`;
  response.writeHead(answer.status, headersOf(answer, Buffer.byteLength(body))).end(body);
}

/** There is no ServerResponse for an upgrade: the answer is written by hand. */
function refuseUpgrade(socket: Duplex, answer: Answer): void {
  const body = `${JSON.stringify(answer.body)}\n`;
  const headers = Object.entries({ ...headersOf(answer, Buffer.byteLength(body)), Connection: "close" });
  socket.end(
    [
      `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status]}`,
      ...headers.map(([name, value]) => `${name}: ${value}`),
      "",
      body,
    ].join("\r\n"),
  );
}
