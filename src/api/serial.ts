/** Does one thing after another per key: each begins when the one before it has ended, well or not. */
export interface Serial {
  enter: <T>(key: string, work: () => Promise<T>) => Promise<T>;
}

export function createSerial(): Serial {
  const tails = new Map<string, Promise<void>>();
  return {
    enter: (key, work) => {
      const done = (tails.get(key) ?? Promise.resolve()).then(work);
      const tail = done.then(
        () => {},
        () => {},
      );
      tails.set(key, tail);
      void tail.then(() => {
        if (tails.get(key) === tail) tails.delete(key);
      });
      return done;
    },
  };
}
