import type { Redis } from "ioredis";
import type { SessionInfo, SessionState } from "../shared/protocol/sessions.ts";
import type { Keys } from "../shared/redis/keys.ts";
import { countOpenCommands, type SessionRecord } from "../shared/redis/sessions.ts";

const ACTIVE_MS = 60_000;
const MINUTE_MS = 60_000;

/** A session as clients see it. */
export async function describeSession(
  redis: Redis,
  keys: Keys,
  sessionId: string,
  record: SessionRecord,
  nowMs: number,
): Promise<SessionInfo> {
  const openCommands = record.state === "Open" ? await countOpenCommands(redis, keys, sessionId) : 0;
  const lastAt = record.endedAt === undefined ? nowMs : Date.parse(record.endedAt);
  const idleMs = openCommands > 0 ? 0 : lastAt - Date.parse(record.lastActivity);
  return {
    sessionId,
    containerId: record.containerId ?? null,
    language: record.language,
    createdAt: record.createdAt,
    lastActivity: record.lastActivity,
    state: stateFor(record.state, openCommands, idleMs),
    executionCount: record.executionCount,
    idleMinutes: inMinutes(idleMs),
    lifetimeMinutes: inMinutes(lastAt - Date.parse(record.createdAt)),
    ...(record.closeReason !== undefined && { closeReason: record.closeReason }),
  };
}

function stateFor(stored: SessionRecord["state"], openCommands: number, idleMs: number): SessionState {
  if (stored !== "Open") return stored;
  return openCommands > 0 || idleMs < ACTIVE_MS ? "Active" : "Idle";
}

/** To a hundredth. */
function inMinutes(ms: number): number {
  return Math.max(0, Math.round((ms / MINUTE_MS) * 100) / 100);
}
