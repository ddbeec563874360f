import type { Redis } from "ioredis";

/**
 * Whether Redis can be written to now. ioredis would keep a command for as long as Redis is away, and send it to whoever
 * comes back: by then its client has been told that it failed. So what starts something waits here, where it can give up.
 */
export interface Gate {
  /** Undefined while Redis is there; else a promise for when it is again. */
  opened: () => Promise<void> | undefined;
}

export function createGate(redis: Redis): Gate {
  let waiting: { opened: Promise<void>; open: () => void } | undefined;
  redis.on("ready", () => {
    waiting?.open();
    waiting = undefined;
  });

  function wait() {
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    return { opened, open };
  }

  return {
    opened: () => {
      if (redis.status === "ready") return undefined;
      waiting ??= wait();
      return waiting.opened;
    },
  };
}
