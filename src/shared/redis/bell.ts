import type { Redis } from "ioredis";
import type { TakenCommand } from "./commands.ts";
import type { Keys } from "./keys.ts";

/** A command that was handed over with the bell: its record says `running`. */
export interface HandedCommand extends TakenCommand {
  /** Of the session when it was accepted. */
  epoch: number;
  /** The how manieth command of its session it is. */
  ordinal: number;
}

/** The quick bell, as command-accept.lua rings it. Without a command it only says: look at this session. */
export interface QuickBell {
  sessionId: string;
  command: HandedCommand | undefined;
}

function parseBell(message: string): QuickBell {
  const [sessionId = "", commandId, epoch, ordinal, ...params] = message.split("\n");
  if (commandId === undefined) return { sessionId, command: undefined };
  return {
    sessionId,
    command: {
      commandId,
      epoch: Number(epoch),
      ordinal: Number(ordinal),
      params: params.join("\n"),
      storedOffset: 0,
      inputTaken: 0,
      cancel: undefined,
    },
  };
}

/**
 * Listens to the quick bells of a worker, on a connection that is used for nothing else. `onReady`: it listens, for the
 * first time or again, and bells may have been missed.
 */
export function listenForBells(
  redis: Redis,
  keys: Keys,
  workerId: string,
  onBell: (bell: QuickBell) => void,
  onReady: () => void,
): void {
  redis.on("error", () => {});
  redis.on("ready", onReady);
  redis.on("message", (_channel: string, message: string) => onBell(parseBell(message)));
  redis.subscribe(keys.bell(workerId)).catch(() => {});
}
