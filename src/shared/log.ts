import { type Logger, pino } from "pino";

export type Log = Logger;

/** One JSON object a line on stdout. What users send appears only as JSON strings, so it can't forge a line. */
export function createLog(name: string, level: string): Log {
  return pino({ name, level });
}
