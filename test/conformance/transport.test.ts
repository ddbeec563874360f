import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { connect, errorOf, keyHeaders, serverUrl } from "./support/client.ts";

const MIB = 1_048_576;

/** The HTTP status that an upgrade is refused with. */
async function refusedWith(headers: Record<string, string>, url = serverUrl()): Promise<number | undefined> {
  const socket = new WebSocket(url, { headers });
  const refused = new Promise<number | undefined>((resolve, reject) => {
    socket.once("unexpected-response", (_request, response) => resolve(response.statusCode));
    socket.once("open", () => reject(new Error("the connection was accepted")));
  });
  socket.on("error", () => {});
  try {
    return await refused;
  } finally {
    socket.terminate();
  }
}

function httpUrl(path: string): string {
  const url = new URL(path, serverUrl());
  url.protocol = url.protocol === "wss:" ? "https:" : "http:";
  return url.href;
}

describe("who may connect", () => {
  test("a page of an origin that is not allowed may not", async () => {
    expect(await refusedWith({ ...keyHeaders(), Origin: "https://not-allowed.example" })).toBe(403);
  });

  test.runIf(process.env.CODEBEAKER_API_KEY)("without the API key nobody may", async () => {
    expect(await refusedWith({})).toBe(401);
    expect(await refusedWith({ Authorization: "Bearer wrong" })).toBe(401);
  });

  test("another path is nothing", async () => {
    expect(await refusedWith(keyHeaders(), new URL("/elsewhere", serverUrl()).href)).toBe(404);
  });
});

test.each(["/health", "/health/live", "/health/ready"])("GET %s: 200 without a key", async (path) => {
  const response = await fetch(httpUrl(path));
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ ok: true });
});

describe("the size of a message", () => {
  test("over 1 MiB: LIMIT_EXCEEDED to its id, and the connection works on", async () => {
    const client = await connect();
    const command = { type: "write_file", path: "big", content: "x".repeat(MIB) };
    const error = await errorOf(client.call("session.execute", { sessionId: "any", command }));
    expect(error).toMatchObject({ code: -32010, data: { code: "LIMIT_EXCEEDED", fault: "caller" } });
    expect(await client.call("language.list")).toMatchObject({ languages: expect.any(Array) });
    await client.close();
  });

  test("over 8 MiB: the connection closes with 1009", async () => {
    const { socket } = await connect();
    socket.on("error", () => {});
    const closed = once(socket, "close");
    socket.send("x".repeat(8 * MIB + 1));
    expect((await closed)[0]).toBe(1009);
  });

  test("a binary frame is no message, and the connection works on", async () => {
    const client = await connect();
    client.socket.send(Buffer.from('{"jsonrpc":"2.0","id":1,"method":"language.list"}'), { binary: true });
    expect(await client.next()).toMatchObject({ id: null, error: { code: -32700 } });
    expect(await client.call("language.list")).toMatchObject({ languages: expect.any(Array) });
    await client.close();
  });

  test("text that is no UTF-8: the connection closes with 1007", async () => {
    const { socket } = await connect();
    socket.on("error", () => {});
    const closed = once(socket, "close");
    socket.send(Buffer.from([0x22, 0xff, 0x22]), { binary: false });
    expect((await closed)[0]).toBe(1007);
  });
});
