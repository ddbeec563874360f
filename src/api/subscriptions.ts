import type { Redis } from "ioredis";
import type { Log } from "../shared/log.ts";
import { parseEvent, type SessionChannelEvent } from "../shared/redis/events.ts";
import type { Keys } from "../shared/redis/keys.ts";

/** A session that was used is likely to be used again: until then no command waits for SUBSCRIBE. */
const LINGER_MS = 60_000;
const MOST_LINGERING = 2000;
const SWEEP_MS = 5000;

export interface SessionListener {
  onEvent: (event: SessionChannelEvent) => void;
  /** Events may have been missed: what is waited for has to be read again. */
  onGap: () => void;
}

export interface Subscription {
  /** Undefined when events arrive already; else a promise for when they do. */
  ready: Promise<void> | undefined;
  close: () => void;
}

/**
 * What happens in sessions, by the one subscriber connection of this node. Per session:
 *
 * none ──listen──▶ subscribing ──▶ subscribed ◀──listen── lingering ──60 s, or too many──▶ none
 *                                      └──last listener closes──▶┘
 */
export interface Subscriptions {
  listen: (sessionId: string, listener: SessionListener) => Subscription;
  close: () => void;
}

interface Channel {
  listeners: Set<SessionListener>;
  ready: Promise<void> | undefined;
}

/** `redis` is used for nothing else. */
export function createSubscriptions(redis: Redis, keys: Keys, log: Log): Subscriptions {
  const channels = new Map<string, Channel>();
  /** Sessions without a listener, and since when; the longest first. */
  const lingering = new Map<string, number>();
  const prefix = keys.events("");

  redis.on("messageBuffer", (channelName: Buffer, message: Buffer) => {
    const channel = channels.get(channelName.toString("utf8", prefix.length));
    if (!channel || channel.listeners.size === 0) return;
    try {
      const event = parseEvent(message);
      for (const listener of channel.listeners) listener.onEvent(event);
    } catch (error) {
      log.error({ err: error, message: message.toString("utf8", 0, 500) }, "an event is not understood");
    }
  });

  redis.on("ready", () => {
    const [anySession] = channels.keys();
    if (anySession === undefined) return;
    // ioredis has just written SUBSCRIBE for all channels; this one is answered after them.
    redis.subscribe(keys.events(anySession)).then(
      () => {
        for (const channel of channels.values()) for (const listener of channel.listeners) listener.onGap();
      },
      () => {},
    );
  });

  function subscribe(sessionId: string): Channel {
    const channel: Channel = { listeners: new Set(), ready: undefined };
    channel.ready = redis.subscribe(keys.events(sessionId)).then(() => {
      channel.ready = undefined;
    });
    // Who waits for it is told; when nobody does, the next one tries again.
    channel.ready.catch(() => forget(sessionId));
    channels.set(sessionId, channel);
    return channel;
  }

  function forget(sessionId: string): void {
    lingering.delete(sessionId);
    channels.delete(sessionId);
    redis.unsubscribe(keys.events(sessionId)).catch(() => {});
  }

  function sweep(): void {
    const now = performance.now();
    for (const [sessionId, since] of lingering) {
      if (now - since < LINGER_MS && lingering.size <= MOST_LINGERING) return;
      forget(sessionId);
    }
  }
  const timer = setInterval(sweep, SWEEP_MS);

  return {
    listen: (sessionId, listener) => {
      const channel = channels.get(sessionId) ?? subscribe(sessionId);
      lingering.delete(sessionId);
      channel.listeners.add(listener);
      return {
        ready: channel.ready,
        close: () => {
          if (!channel.listeners.delete(listener) || channel.listeners.size > 0) return;
          lingering.set(sessionId, performance.now());
          if (lingering.size > MOST_LINGERING) sweep();
        },
      };
    },
    close: () => {
      clearInterval(timer);
      redis.disconnect();
    },
  };
}
