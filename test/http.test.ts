import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { WebSocket } from "ws";
import { connect } from "./support/client.ts";
import { EVENTUALLY } from "./support/engine.ts";
import { type ServiceProcess, startProcess } from "./support/process.ts";
import { startRedisProxy } from "./support/redis-proxy.ts";
import { sharedUrl } from "./support/session.ts";
import { REDIS_URL, startApi, startStack, startWorker } from "./support/stack.ts";

/** Processes that a test started. */
let started: ServiceProcess[];

beforeEach(() => {
  started = [];
});

afterEach(async () => {
  await Promise.all(started.map((process) => process.stop()));
});

function httpUrl(url: string, path: string): string {
  return new URL(path, url.replace(/^ws/, "http")).href;
}

async function get(url: string, path: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(httpUrl(url, path));
  const text = await response.text();
  return { status: response.status, body: text.startsWith("{") ? JSON.parse(text) : text };
}

/** A further node of the shared installation. */
async function startNode(env: Record<string, string>): Promise<string> {
  const { api, url } = await startApi({ REDIS_URL, CODEBEAKER_KEY_PREFIX: inject("prefix"), ...env });
  started.push(api);
  return url;
}

/** How an attempt to open a WebSocket is answered: 101 when it opens. */
async function upgradeStatus(url: string, headers: Record<string, string>): Promise<number> {
  const socket = new WebSocket(url, { headers });
  return new Promise((resolve, reject) => {
    socket.on("open", () => {
      socket.close();
      resolve(101);
    });
    socket.on("unexpected-response", (request, response) => {
      request.destroy();
      resolve(response.statusCode ?? 0);
    });
    socket.on("error", reject);
  });
}

describe("health", () => {
  test.each(["/health", "/health/live", "/health/ready"])(
    "%s is 200 when a client would be served",
    async (path) => {
      expect(await get(sharedUrl(), path)).toMatchObject({ status: 200, body: expect.any(Object) });
    },
  );

  test("/health is 503 and names the worker when none lives, until one does", async () => {
    const stack = await startStack({ workers: 0 });
    try {
      const url = stack.urls[0] ?? "";
      const ill = await get(url, "/health");
      expect(ill.status).toBe(503);
      expect(JSON.stringify(ill.body)).toMatch(/worker/i);
      expect(await get(url, "/health/live")).toMatchObject({ status: 200 });

      stack.workers.push(await startWorker(stack.env));
      await expect.poll(async () => (await get(url, "/health")).status, EVENTUALLY).toBe(200);
    } finally {
      await stack.stop();
    }
  });

  test("/health is 503 and names Redis when it does not answer, and the process lives", async () => {
    const proxy = await startRedisProxy(REDIS_URL);
    const url = await startNode({ REDIS_URL: proxy.url });
    expect(await get(url, "/health")).toMatchObject({ status: 200 });

    proxy.close();
    await expect.poll(async () => (await get(url, "/health")).status, EVENTUALLY).toBe(503);
    expect(JSON.stringify((await get(url, "/health")).body)).toMatch(/redis/i);
    expect(await get(url, "/health/live")).toMatchObject({ status: 200 });
  });
});

describe("only what is there is served", () => {
  test.each(["/", "/healthy", "/health/", "/ws", "/etc/passwd"])("404 for %s", async (path) => {
    expect(await get(sharedUrl(), path)).toMatchObject({ status: 404 });
  });

  test("a WebSocket elsewhere is 404", async () => {
    expect(await upgradeStatus(sharedUrl().replace("/ws/jsonrpc", "/ws/other"), {})).toBe(404);
  });

  test("a plain GET of the WebSocket path is told to upgrade", async () => {
    expect(await get(sharedUrl(), "/ws/jsonrpc")).toMatchObject({ status: 426 });
  });
});

describe("a web page can't reach the service behind its user's back", () => {
  test.each(["https://evil.example", "http://localhost:3000", "null"])(
    "Origin %s is refused",
    async (Origin) => {
      expect(await upgradeStatus(sharedUrl(), { Origin })).toBe(403);
    },
  );

  test("an allowed origin works, any other does not", async () => {
    const url = await startNode({ CODEBEAKER_ORIGINS: "https://one.example, https://app.example:8443" });
    const client = await connect(url, { Origin: "https://app.example:8443" });
    expect(await client.call("session.list")).toMatchObject({ count: expect.any(Number) });
    await client.close();
    expect(await upgradeStatus(url, { Origin: "https://one.example" })).toBe(101);
    expect(await upgradeStatus(url, { Origin: "https://app.example" })).toBe(403);
    expect(await upgradeStatus(url, { Origin: "https://app.example:8443.evil.example" })).toBe(403);
  });
});

describe("with an API key", () => {
  test("nobody connects without it", async () => {
    const url = await startNode({ CODEBEAKER_API_KEY: "correct-horse" });
    expect(await upgradeStatus(url, {})).toBe(401);
    expect(await upgradeStatus(url, { Authorization: "Bearer wrong" })).toBe(401);
    expect(await upgradeStatus(url, { Authorization: "Bearer correct-hors" })).toBe(401);
    expect(await upgradeStatus(url, { Authorization: "Bearer" })).toBe(401);
    expect(await upgradeStatus(url, { Authorization: "Basic correct-horse" })).toBe(401);

    const client = await connect(url, { Authorization: "Bearer correct-horse" });
    expect(await client.call("session.list")).toMatchObject({ count: expect.any(Number) });
    await client.close();
  });

  test("a node listens on other addresses than loopback", async () => {
    const url = await startNode({ CODEBEAKER_HOST: "0.0.0.0", CODEBEAKER_API_KEY: "key" });
    expect(await upgradeStatus(url, { Authorization: "Bearer key" })).toBe(101);
  });

  test.each(["0.0.0.0", "::"])("and without one it refuses to listen on %s, and says why", async (host) => {
    const api = startProcess("api", {
      REDIS_URL,
      CODEBEAKER_KEY_PREFIX: inject("prefix"),
      CODEBEAKER_HOST: host,
      CODEBEAKER_PORT: "0",
    });
    started.push(api);
    const [code] = await once(api.child, "close");
    expect(code).toBeGreaterThan(0);
    expect(api.tail()).toContain("CODEBEAKER_API_KEY");
    expect(api.tail()).toContain(host);
  });
});

test("SIGTERM closes connections with 1012 and ends the process with 0", async () => {
  const { api, url } = await startApi({ REDIS_URL, CODEBEAKER_KEY_PREFIX: inject("prefix") });
  started.push(api);
  const client = await connect(url);
  const closed = once(client.socket, "close");
  api.child.kill("SIGTERM");
  expect((await closed)[0]).toBe(1012);
  expect(await api.stop()).toBe(0);
});
