import type { Redis } from "ioredis";
import type { Log } from "../shared/log.ts";
import { ProtocolError } from "../shared/protocol/errors.ts";
import { watchMemory } from "../shared/redis/memory.ts";

const FULL_SHARE = 0.8;

/** Refuses new work while Redis is nearly full, so that what was accepted can still be stored. */
export interface MemoryGuard {
  /** What to tell a client that wants to start something; undefined while there is room. */
  refusal: () => ProtocolError | undefined;
  close: () => void;
}

export function guardMemory(redis: Redis, log: Log): MemoryGuard {
  const memory = watchMemory(redis, log, FULL_SHARE, "new work is refused");
  return {
    refusal: () => {
      if (!memory.isFull()) return undefined;
      return new ProtocolError(
        "OVERLOADED",
        `Redis uses ${Math.round(memory.share() * 100)} % of its memory, so nothing new is accepted. Try again later: results free their memory when their retention ends. An operator can raise maxmemory or lower CODEBEAKER_RETENTION_SECONDS.`,
      );
    },
    close: memory.close,
  };
}
