import type { WriteStream } from "node:tty";

/** Reports what a step is doing right now, for the line that shows it. */
export type Note = (text: string) => void;

/** Shows long steps, several at a time. */
export interface Progress {
  /** Runs `work` as a step with a title; its end, with its seconds, is printed when it took long enough to matter. */
  step<T>(title: string, work: (note: Note) => Promise<T>): Promise<T>;
  /** Prints one line above the running steps. */
  say(line: string): void;
  close(): void;
}

interface Running {
  readonly title: string;
  readonly startedAt: number;
  note: string;
  lastLineAt: number;
}

const redrawMs = 500;
const plainLineMs = 5000;

/**
 * On a terminal one line at the bottom is redrawn; elsewhere each running step prints a plain line every few seconds.
 * Steps that end because `signal` stopped them are no failures and not shown as such.
 */
export function openProgress(out: WriteStream, signal: AbortSignal): Progress {
  const running = new Set<Running>();
  const seconds = (since: number) => (performance.now() - since) / 1000;
  const clear = () => out.isTTY && out.write("\r\x1b[K");

  const say = (line: string) => {
    clear();
    out.write(`${line}\n`);
    redraw();
  };

  const redraw = () => {
    if (!out.isTTY || running.size === 0) return;
    const parts = [...running].map((step) => describe(step).replace(/\s+/g, " "));
    out.write(`\r\x1b[K${parts.join(" │ ").slice(0, (out.columns || 80) - 1)}`);
  };

  const describe = (step: Running) =>
    `${step.title} ${seconds(step.startedAt).toFixed(0)} s${step.note ? `: ${step.note}` : ""}`;

  const tick = () => {
    if (out.isTTY) return redraw();
    for (const step of running) {
      if (performance.now() - step.lastLineAt < plainLineMs) continue;
      step.lastLineAt = performance.now();
      out.write(`  … ${describe(step).slice(0, 120)}\n`);
    }
  };
  const timer = setInterval(tick, redrawMs);
  timer.unref();

  return {
    say,
    async step(title, work) {
      const now = performance.now();
      const step: Running = { title, startedAt: now, note: "", lastLineAt: now };
      running.add(step);
      redraw();
      try {
        const result = await work((text) => {
          step.note = text;
        });
        running.delete(step);
        say(`✔ ${title} (${seconds(step.startedAt).toFixed(1)} s)`);
        return result;
      } catch (error) {
        running.delete(step);
        if (!signal.aborted) say(`✖ ${title} (${seconds(step.startedAt).toFixed(1)} s)`);
        throw error;
      }
    },
    close() {
      clearInterval(timer);
      clear();
    },
  };
}
