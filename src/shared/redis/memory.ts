import type { Redis } from "ioredis";
import type { Log } from "../log.ts";
import { infoField } from "./info.ts";

const CHECK_MS = 5000;

/** How full Redis is, looked at every 5 s; the last answer stands while it does not answer. */
export interface MemoryWatch {
  /** What it uses of its limit: 1 is all of it. */
  share: () => number;
  isFull: () => boolean;
  close: () => void;
}

/**
 * @param fullShare from which share on it counts as full.
 * @param consequence what is done then, for the log.
 */
export function watchMemory(redis: Redis, log: Log, fullShare: number, consequence: string): MemoryWatch {
  let share = 0;

  async function look(): Promise<void> {
    const before = share;
    share = await memoryShare(redis).catch(() => share);
    if (before < fullShare === share < fullShare) return;
    log.warn({ share }, share < fullShare ? "Redis has room again" : `Redis is nearly full: ${consequence}`);
  }
  const timer = setInterval(() => void look(), CHECK_MS);
  void look();

  return { share: () => share, isFull: () => share >= fullShare, close: () => clearInterval(timer) };
}

/** The share of the memory limit that Redis uses; without `maxmemory` the limit is half of the machine's memory. */
async function memoryShare(redis: Redis): Promise<number> {
  const info = await redis.info("memory");
  const used = Number(infoField(info, "used_memory"));
  const limit = Number(infoField(info, "maxmemory")) || Number(infoField(info, "total_system_memory")) / 2;
  return limit > 0 ? used / limit : 0;
}
