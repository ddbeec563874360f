/** What a row of the benchmark says: durations in milliseconds, and how many a second that made. */
export interface Figures {
  p50Ms: number;
  p95Ms: number;
  perSecond: number;
}

function percentile(sorted: number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function figures(durations: number[], elapsedMs: number): Figures {
  const sorted = durations.toSorted((a, b) => a - b);
  return {
    p50Ms: percentile(sorted, 0.5),
    p95Ms: percentile(sorted, 0.95),
    perSecond: (durations.length / elapsedMs) * 1000,
  };
}

/** Does `work` one after another, `times` times after a warm-up of `warmUp`. */
export async function repeat(times: number, warmUp: number, work: () => Promise<void>): Promise<Figures> {
  for (let i = 0; i < warmUp; i++) await work();
  const durations: number[] = [];
  const began = performance.now();
  for (let i = 0; i < times; i++) {
    const start = performance.now();
    await work();
    durations.push(performance.now() - start);
  }
  return figures(durations, performance.now() - began);
}

/** Lets every worker do its own work again and again, all at once, for a while. */
export async function saturate(workers: (() => Promise<void>)[], forMs: number): Promise<Figures> {
  const durations: number[] = [];
  const began = performance.now();
  const loop = async (work: () => Promise<void>) => {
    await work();
    while (performance.now() - began < forMs) {
      const start = performance.now();
      await work();
      durations.push(performance.now() - start);
    }
  };
  await Promise.all(workers.map(loop));
  return figures(durations, performance.now() - began);
}
