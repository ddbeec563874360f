import { setTimeout as pause } from "node:timers/promises";
import type Docker from "dockerode";
import { Redis } from "ioredis";
import { keysOf } from "../../src/shared/redis/keys.ts";
import { messageOf } from "./errors.ts";
import type { Progress } from "./progress.ts";
import { connectRpc } from "./rpc-client.ts";

/** Closes what the worker of this run has on its engine. */
export interface OwnSessions {
  /** Closes every session, then waits until their containers have gone; those that stay are removed. */
  close(options: { url: string; apiKey: string | undefined; hurry: AbortSignal }): Promise<void>;
}

const goneDeadlineMs = 10_000;

/**
 * To be called before the worker starts: whoever holds a lease on this engine now is another worker, and while it holds
 * that very lease the worker of this run is its standby, and the sessions are not ours to close.
 */
export async function watchOwnSessions(
  docker: Docker,
  environment: NodeJS.ProcessEnv,
  progress: Progress,
): Promise<OwnSessions> {
  const keys = keysOf(environment.CODEBEAKER_KEY_PREFIX || "cb");
  const withRedis = async <T>(work: (redis: Redis) => Promise<T>): Promise<T> => {
    const redis = new Redis(environment.REDIS_URL ?? "", { maxRetriesPerRequest: 1, connectTimeout: 3000 });
    redis.on("error", () => undefined);
    try {
      return await work(redis);
    } finally {
      redis.disconnect();
    }
  };
  const engineId = String((await docker.info()).ID);
  const leases = () =>
    withRedis(async (redis) => {
      const found: string[] = [];
      for (const workerId of await redis.smembers(keys.workers)) {
        if ((await redis.hget(keys.worker(workerId), "engine")) !== engineId) continue;
        const token = await redis.get(keys.lease(workerId));
        if (token !== null) found.push(token);
      }
      return found;
    });
  const before = await leases();

  const containers = async (deployment: string) =>
    await docker.listContainers({ all: true, filters: { label: [`codebeaker.deployment=${deployment}`] } });

  return {
    async close({ url, apiKey, hurry }) {
      if ((await leases()).some((token) => before.includes(token))) {
        progress.say("  another worker serves this engine: its sessions are left alone");
        return;
      }
      const deployment = await withRedis((redis) => redis.get(keys.deployment));
      if (deployment === null) return;
      const ids = (await containers(deployment)).flatMap((found) => found.Labels["codebeaker.session"] ?? []);
      if (ids.length > 0) {
        progress.say(`  closing ${ids.length} session${ids.length > 1 ? "s" : ""}`);
        await closeByApi(ids, url, apiKey).catch((error) => progress.say(`  ${messageOf(error)}`));
      }
      const deadline = performance.now() + goneDeadlineMs;
      let left = await containers(deployment);
      while (left.length > 0 && performance.now() < deadline && !hurry.aborted) {
        await pause(100);
        left = await containers(deployment);
      }
      await Promise.all(
        left.map(({ Id }) =>
          docker
            .getContainer(Id)
            .remove({ force: true })
            .catch(() => undefined),
        ),
      );
    },
  };
}

async function closeByApi(ids: readonly string[], url: string, apiKey: string | undefined): Promise<void> {
  const client = await connectRpc(url, apiKey);
  try {
    // One that is closed already, or lost, answers with an error and is just as well gone.
    await Promise.allSettled(ids.map((sessionId) => client.call("session.close", { sessionId })));
  } finally {
    client.close();
  }
}
