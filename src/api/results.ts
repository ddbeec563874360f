import type { z } from "zod";
import {
  type ExecuteResult,
  FileResult,
  type ProgramResult,
  type StartedResult,
  type VerdictFields,
} from "../shared/protocol/executions.ts";
import type { CollectedOutput } from "./output-collector.ts";
import type { CommandEnd } from "./output-follower.ts";

/** What the worker stores of a file command: the result less the verdict, which stands in the record. */
const StoredFileResult = FileResult.omit({ commandId: true, state: true, fault: true, limit: true });

function verdictOf(commandId: string, { outcome }: CommandEnd): z.infer<typeof VerdictFields> {
  return {
    commandId,
    state: outcome.state,
    fault: outcome.fault ?? "infrastructure",
    ...(outcome.limit && { limit: outcome.limit }),
  };
}

function programResult(commandId: string, end: CommandEnd, output: CollectedOutput): ProgramResult {
  const { outcome } = end;
  return {
    ...verdictOf(commandId, end),
    exitCode: outcome.exitCode ?? null,
    ...(outcome.signal !== undefined && { signal: outcome.signal }),
    stdout: output.stdout,
    stderr: output.stderr,
    ...(output.lossy && { lossy: true }),
    truncated: end.truncated || output.cut,
    cpuMs: outcome.cpuMs ?? 0,
    wallMs: outcome.wallMs ?? 0,
    peakMemoryBytes: outcome.peakMemoryBytes ?? 0,
    oomKills: outcome.oomKills ?? 0,
  };
}

function fileResult(commandId: string, end: CommandEnd): FileResult {
  const stored = StoredFileResult.parse(JSON.parse(end.outcome.result ?? "{}"));
  return { ...stored, ...verdictOf(commandId, end) };
}

/** The answer for what goes on beside its request. */
export function startedResult(result: StartedResult): ExecuteResult {
  return { success: true, result, error: null, durationMs: 0 };
}

/** What `session.execute`, `execution.run` and `execution.status` answer once a command has ended. */
export function executeResult(
  commandId: string,
  kind: "program" | "file",
  end: CommandEnd,
  output: CollectedOutput,
): ExecuteResult {
  const success = end.outcome.state === "exited";
  const why = end.outcome.error ?? `The command ended as ${end.outcome.state}.`;
  return {
    success,
    result: kind === "program" ? programResult(commandId, end, output) : fileResult(commandId, end),
    error: success ? null : why,
    durationMs: end.durationMs,
  };
}
