import type { Floor } from "./floor.ts";
import type { Figures } from "./measure.ts";

/** One comparison: the whole of CodeBeaker beside plain dockerode, in one run on one engine. */
export interface Row {
  name: string;
  ours: Figures;
  reference: Figures & { name: string };
  /** Ours over the reference: of p50Ms, for throughput of perSecond. */
  ratio: number;
}

export interface Report {
  rows: Row[];
  floor: Floor;
  /** `true` by a service that was started just now. */
  fresh: Figures;
  /** Bytes in Redis that a trivial command leaves for the time of its retention. */
  redisBytesPerCommand: number;
}

/** The budget of DESIGN §1: at most this ratio, for throughput at least. */
const BUDGET: Record<string, number> = {
  "execute-true": 0.06,
  "execute-python": 0.35,
  "throughput-8": 10,
  "throughput-32": 10,
};

function columns(cells: string[][]): string {
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(...cells.map((line) => line[column]?.length ?? 0)),
  );
  return cells
    .map((line) =>
      line
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join("  "),
    )
    .join("\n");
}

function withinBudget(name: string, ratio: number): string {
  const budget = BUDGET[name];
  if (budget === undefined) return "–";
  const kept = name.startsWith("throughput") ? ratio >= budget : ratio <= budget;
  return `${name.startsWith("throughput") ? "≥" : "≤"} ${budget} ${kept ? "kept" : "MISSED"}`;
}

/** The table on the terminal, then the floor of the machine and how far the whole path is above it. */
export function print({ rows, floor, fresh, redisBytesPerCommand }: Report): void {
  const ms = (value: number) => value.toFixed(2);
  console.log(
    columns([
      ["", "p50 ms", "p95 ms", "per s", "reference", "p50 ms", "p95 ms", "per s", "ratio", "budget"],
      ...rows.map(({ name, ours, reference, ratio }) => [
        name,
        ms(ours.p50Ms),
        ms(ours.p95Ms),
        ours.perSecond.toFixed(1),
        reference.name,
        ms(reference.p50Ms),
        ms(reference.p95Ms),
        reference.perSecond.toFixed(1),
        ratio.toFixed(3),
        withinBudget(name, ratio),
      ]),
    ]),
  );
  const parts = [
    ["WebSocket echo", floor.webSocketEcho.p50Ms],
    ["Redis round trip", floor.redisRoundTrip.p50Ms],
    ["spawn by the agent", floor.agentSpawn.p50Ms],
  ] as const;
  const sum = parts.reduce((total, [, value]) => total + value, 0);
  const whole = rows.find(({ name }) => name === "execute-true")?.ours.p50Ms ?? Number.NaN;
  console.log(
    `\nfloor of this machine (p50): ${parts.map(([name, value]) => `${name} ${ms(value)} ms`).join(" + ")} = ${ms(sum)} ms`,
  );
  console.log(
    `the whole path of \`true\` takes ${ms(whole)} ms, ${ms(whole - sum)} ms above it (${(whole / sum).toFixed(2)} times)`,
  );
  console.log(
    `a new service takes ${ms(fresh.p50Ms)} ms (p50) for its first commands, until V8 has compiled them`,
  );
  console.log(`a trivial command leaves ${Math.round(redisBytesPerCommand)} bytes in Redis`);
}
