/**
 * What one connection follows: at most one stream of notifications for a command, so that nothing comes twice, and one for
 * a session. It ends with the connection, by detach, or when another takes its place.
 */
export interface Attachments {
  /** Takes the place of what followed it before. `signal` is aborted when it has to end; `release` when it has ended. */
  take: (id: string) => { signal: AbortSignal; release: () => void };
  has: (id: string) => boolean;
  /** Whether there was something to end. */
  end: (id: string) => boolean;
}

export function createAttachments(gone: AbortSignal): Attachments {
  const held = new Map<string, AbortController>();
  return {
    take: (id) => {
      held.get(id)?.abort();
      const mine = new AbortController();
      held.set(id, mine);
      return {
        signal: AbortSignal.any([gone, mine.signal]),
        release: () => {
          if (held.get(id) === mine) held.delete(id);
        },
      };
    },
    has: (id) => held.has(id),
    end: (id) => {
      const mine = held.get(id);
      mine?.abort();
      held.delete(id);
      return mine !== undefined;
    },
  };
}
