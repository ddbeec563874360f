import type { Redis } from "ioredis";
import type { Log } from "../shared/log.ts";
import { ProtocolError } from "../shared/protocol/errors.ts";
import { memoryShare } from "../shared/redis/client.ts";

const CHECK_MS = 5000;
const FULL_SHARE = 0.8;

/** Refuses new work while Redis is nearly full, so that what was accepted can still be stored. */
export interface MemoryGuard {
  /** What to tell a client that wants to start something; undefined while there is room. */
  refusal: () => ProtocolError | undefined;
  close: () => void;
}

export function watchMemory(redis: Redis, log: Log): MemoryGuard {
  let share = 0;

  async function look(): Promise<void> {
    const before = share;
    share = await memoryShare(redis).catch(() => share);
    if (before < FULL_SHARE !== share < FULL_SHARE) {
      log.warn(
        { share },
        share < FULL_SHARE ? "Redis has room again" : "Redis is nearly full: new work is refused",
      );
    }
  }
  const timer = setInterval(() => void look(), CHECK_MS);
  void look();

  return {
    refusal: () => {
      if (share < FULL_SHARE) return undefined;
      return new ProtocolError(
        "OVERLOADED",
        `Redis uses ${Math.round(share * 100)} % of its memory, so nothing new is accepted. Try again later: results free their memory when their retention ends. An operator can raise maxmemory or lower CODEBEAKER_RETENTION_SECONDS.`,
      );
    },
    close: () => clearInterval(timer),
  };
}
