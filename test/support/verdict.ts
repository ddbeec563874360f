/** What a client judges a command by, and nothing else of its answer. */
export interface Verdict {
  success: boolean;
  state: string;
  fault: string;
  limit: string | undefined;
  exitCode: number | null | undefined;
  signal: string | undefined;
  oomKills: number | undefined;
  error: string | null;
}

interface Judged {
  success: boolean;
  error: string | null;
  result: Partial<Verdict> & Pick<Verdict, "state" | "fault">;
}

/** All of its verdict, so that a test compares every field, also one that should be absent. */
export function verdictOf({ success, error, result }: Judged): Verdict {
  const { state, fault, limit, exitCode, signal, oomKills } = result;
  return { success, state, fault, limit, exitCode, signal, oomKills, error };
}

const UNSEEN = {
  success: false,
  fault: "infrastructure",
  limit: undefined,
  exitCode: null,
  signal: undefined,
};

/** Of a command whose end nobody saw, since what it ran on is gone. */
export const LOST: Verdict = {
  ...UNSEEN,
  state: "lost",
  oomKills: 0,
  error:
    "The end of the command was not seen, since its container, worker or host failed. It may have run in part: check before you run it again.",
};

/** Of a command that waited in a session that was lost. */
export const NEVER_STARTED: Verdict = {
  ...UNSEEN,
  state: "failed",
  oomKills: 0,
  error: "The session was lost before the command started. Create a new session and send it again.",
};
