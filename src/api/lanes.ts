/**
 * Keeps the order in which things were asked for, per session, up to the moment at which they are written to Redis:
 * commands that came at once are accepted in the order in which they came. What comes back may come in any order.
 */
export interface Lanes {
  /**
   * Calls `write` after all that entered this lane before has been written and `ready` is fulfilled; at once, in this very
   * turn, where there is nothing to wait for.
   */
  enter: <T>(lane: string, ready: Promise<unknown> | undefined, write: () => Promise<T>) => Promise<T>;
}

export function createLanes(): Lanes {
  const tails = new Map<string, Promise<void>>();

  return {
    enter: (lane, ready, write) => {
      const before = tails.get(lane);
      if (!before && !ready) return write();

      const turn = Promise.all([before, ready]);
      const written = turn.then(write);
      const tail = turn.then(
        () => {},
        () => {},
      );
      tails.set(lane, tail);
      void tail.then(() => {
        if (tails.get(lane) === tail) tails.delete(lane);
      });
      return written;
    },
  };
}
