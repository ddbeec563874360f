import { isUtf8 } from "node:buffer";
import type { Caller } from "./context.ts";
import type { OutputChunk, OutputGap } from "./output-cursor.ts";
import type { CommandEnd, CommandRef } from "./output-follower.ts";

/** One chunk, exactly: as text where it is UTF-8, else as base64. */
export function notifyOutput(
  caller: Caller,
  { sessionId, commandId }: CommandRef,
  { seq, kind, bytes }: OutputChunk,
): Promise<void> | undefined {
  const encoding = isUtf8(bytes) ? "utf8" : "base64";
  const data = bytes.toString(encoding);
  return caller.notify("execution.output", { sessionId, commandId, seq, stream: kind, data, encoding });
}

export function notifyGap(
  caller: Caller,
  { sessionId, commandId }: CommandRef,
  gap: OutputGap,
): Promise<void> | undefined {
  return caller.notify("execution.gap", { sessionId, commandId, ...gap });
}

export function notifyEnded(
  caller: Caller,
  { sessionId, commandId }: CommandRef,
  kind: "program" | "file",
  { outcome }: CommandEnd,
): Promise<void> | undefined {
  return caller.notify("execution.ended", {
    sessionId,
    commandId,
    state: outcome.state,
    fault: outcome.fault ?? "infrastructure",
    ...(outcome.limit && { limit: outcome.limit }),
    ...(kind === "program" && { exitCode: outcome.exitCode ?? null }),
    ...(outcome.signal !== undefined && { signal: outcome.signal }),
    ...(outcome.error !== undefined && { error: outcome.error }),
  });
}
