/** Something the person at the terminal can put right: shown without a stack. */
export class SetupError extends Error {
  override readonly name = "SetupError";
  /** What to do next, one suggestion a line. */
  readonly hints: readonly string[];
  /** The last lines of a log that says more. */
  readonly logTail: readonly string[];

  constructor(message: string, hints: readonly string[] = [], logTail: readonly string[] = []) {
    super(message);
    this.hints = hints;
    this.logTail = logTail;
  }
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Writes an error for a person: what failed, the end of the log, what to do. */
export function reportError(error: unknown): void {
  if (!(error instanceof SetupError)) {
    console.error(error);
    return;
  }
  console.error(`\n✖ ${error.message}`);
  for (const line of error.logTail) console.error(`  │ ${line}`);
  for (const hint of error.hints) console.error(`  → ${hint}`);
}
