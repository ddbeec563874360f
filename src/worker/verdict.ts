import type { Command } from "../shared/protocol/commands.ts";
import type { Outcome } from "../shared/protocol/outcomes.ts";
import type { AgentEnd } from "./agent/messages.ts";

/** What the verdict is built from, beside what the agent saw. */
export interface Circumstances {
  command: Command;
  timeoutMs: number | undefined;
  memoryLimitMB: number;
  /** Why the worker cancelled it, where it did. */
  cancelReason: string | undefined;
}

/**
 * The one place that decides how a command ended: the table of DESIGN §4, first match.
 * An OOM kill of a child that the program coped with (exit code 0) is no failure; `oomKills` counts it.
 */
export function verdict(end: AgentEnd, about: Circumstances): Outcome {
  const measured = {
    ...(end.exitCode !== null && { exitCode: end.exitCode }),
    ...(end.signal !== null && { signal: end.signal }),
    cpuMs: end.cpuMs,
    wallMs: end.wallMs,
    peakMemoryBytes: end.peakMemoryBytes,
    oomKills: end.oomKills,
    ...(end.result && { result: JSON.stringify(end.result) }),
  };
  const endedBadly = end.signal !== null || (end.exitCode !== null && end.exitCode !== 0);

  if (end.cancelled) {
    return {
      ...measured,
      state: "cancelled",
      fault: "caller",
      error: about.cancelReason ?? "The command was cancelled.",
    };
  }
  if (end.timedOut) {
    return {
      ...measured,
      state: "failed",
      fault: "limit",
      limit: "time",
      error: `The command ran longer than its limit of ${about.timeoutMs} ms and was ended with all that it had started. Raise timeoutMs if it needs longer.`,
    };
  }
  if (endedBadly && end.oomKills > 0) {
    return {
      ...measured,
      state: "failed",
      fault: "limit",
      limit: "memory",
      error: `The memory limit of ${about.memoryLimitMB} MB was reached and the kernel killed a process of the command. Create the session with a larger memoryLimitMB if it needs more.`,
    };
  }
  if (end.failure) return { ...measured, ...refusal(end.failure, about) };
  if (end.exitCode === 0) return { ...measured, state: "exited", fault: "none" };
  if (endedBadly) return { ...measured, state: "exited", fault: "program" };
  // A plan of file steps alone has no exit code; what was carried out has a result.
  if (end.result) return { ...measured, state: "exited", fault: "none" };
  return {
    ...measured,
    state: "lost",
    fault: "infrastructure",
    error: "The agent did not see how the command ended.",
  };
}

function refusal(failure: NonNullable<AgentEnd["failure"]>, about: Circumstances): Outcome {
  const { command } = about;
  if (failure.op !== "run" && (failure.code === "ENOSPC" || failure.code === "EDQUOT")) {
    return {
      state: "failed",
      fault: "limit",
      limit: "disk",
      error: `${failure.message}. Delete files of the session, or create it with a larger memoryLimitMB: its disk is a part of that.`,
    };
  }
  const interpreterMissing =
    command.type === "execute_code" &&
    failure.op === "run" &&
    failure.code === "ENOENT" &&
    command.workingDirectory === undefined &&
    command.env?.PATH === undefined;
  if (interpreterMissing) {
    return {
      state: "failed",
      fault: "infrastructure",
      error: `${failure.message}. The image of the session lacks what runs its language: tell the operator.`,
    };
  }
  const hint =
    command.type === "execute_shell" && failure.code === "ENOENT" && /\s/.test(command.commandName)
      ? " To run a line of shell use commandName 'bash' and args ['-c', line]."
      : "";
  return { state: "failed", fault: "caller", error: `${failure.message}.${hint}` };
}
