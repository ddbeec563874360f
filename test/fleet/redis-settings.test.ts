import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { startProcess } from "../support/process.ts";
import { startRedisServer } from "../support/redis-server.ts";

describe.concurrent.for(["api", "worker"] as const)(
  "a Redis that would lose what it holds: the %s",
  (main) => {
    async function withRedis(
      settings: Record<string, string>,
      use: (env: Record<string, string>) => Promise<void>,
    ): Promise<void> {
      const server = await startRedisServer(settings);
      try {
        await use({ REDIS_URL: server.url, CODEBEAKER_PORT: "0" });
      } finally {
        await server.close();
      }
    }

    test.for([
      {
        what: "evicts keys",
        settings: { "maxmemory-policy": "allkeys-lru" },
        says: /maxmemory-policy noeviction/,
      },
      {
        what: "is a cluster",
        settings: { "cluster-enabled": "yes" },
        says: /Redis Cluster is not supported/,
      },
    ])("refuses to start where it $what, and says what to do", ({ settings, says }) =>
      withRedis(settings, async (env) => {
        const refusing = startProcess(main, env);
        const [exitCode] = await once(refusing.child, "close");
        expect(exitCode).toBe(1);
        expect(refusing.tail()).toMatch(says);
      }),
    );

    test("starts where it keeps no append-only file, and warns of what can be lost", () =>
      withRedis({ appendonly: "no" }, async (env) => {
        const warned = startProcess(main, env);
        await warned.logged(/no append-only file.*lost/);
        await warned.logged(main === "api" ? /^listening$/ : /this process is the worker/);
        await warned.stop();
      }));
  },
);
