import type { SessionState } from "../../shared/protocol/sessions.ts";
import { openCommands, readCommand } from "../../shared/redis/commands.ts";
import type { SessionChannelEvent } from "../../shared/redis/events.ts";
import { hasEnded } from "../../shared/redis/sessions.ts";
import type { ApiContext, Caller, Method } from "../context.ts";
import { followBeside } from "../follow.ts";
import { sessionGet } from "./session-get.ts";

/** Sends what happens in a session from now on: output and ends of its commands, changes of its state. */
export const sessionAttach: Method<"session.attach"> = async (params, ctx, caller) => {
  const { sessionId } = params;
  const attachment = caller.attachments.take(sessionId);
  const subscription = ctx.subscriptions.listen(sessionId, {
    onEvent: (event) => {
      if (!attachment.signal.aborted) onEvent(ctx, caller, sessionId, event, end);
    },
    // What began meanwhile is found in the session's list; what was followed already reads again by itself.
    onGap: () => void followOpen(ctx, caller, sessionId).catch(() => {}),
  });
  function end(): void {
    subscription.close();
    attachment.release();
  }
  attachment.signal.addEventListener("abort", end, { once: true });
  try {
    await subscription.ready;
    const info = await sessionGet(params, ctx, caller);
    if (hasEnded(info.state)) end();
    else await followOpen(ctx, caller, sessionId);
    return info;
  } catch (error) {
    end();
    throw error;
  }
};

function onEvent(
  ctx: ApiContext,
  caller: Caller,
  sessionId: string,
  event: SessionChannelEvent,
  end: () => void,
): void {
  if (event.type === "session") {
    const { closeReason } = event;
    const state = stateFor(event.state);
    caller.notify("session.state", { sessionId, state, ...(closeReason !== undefined && { closeReason }) });
    if (hasEnded(state)) end();
  } else if (
    event.type === "command" &&
    event.state === "running" &&
    !caller.attachments.has(event.commandId)
  ) {
    const { commandId } = event;
    followBeside(ctx, caller, { sessionId, commandId, kind: event.kind ?? "program" }, 1, true);
  }
}

function stateFor(stored: string): SessionState {
  if (stored === "Closing" || stored === "Closed" || stored === "Failed" || stored === "Lost") return stored;
  return "Active";
}

/** What runs already is followed from where it is. */
async function followOpen(ctx: ApiContext, caller: Caller, sessionId: string): Promise<void> {
  const { open } = await openCommands(ctx.redis, ctx.keys, sessionId);
  for (const commandId of open) {
    const record = await readCommand(ctx.redis, ctx.keys, commandId);
    if (record?.state !== "running" || caller.attachments.has(commandId)) continue;
    followBeside(ctx, caller, { sessionId, commandId, kind: record.kind }, record.lastSeq + 1, true);
  }
}
