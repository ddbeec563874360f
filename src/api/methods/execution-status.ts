import { isTerminal } from "../../shared/protocol/verdict.ts";
import type { Method } from "../context.ts";
import { answeredInTime } from "../deadline.ts";
import { collectStored } from "../execute.ts";
import { requireCommand } from "../known-command.ts";
import { endOfRecord } from "../output-follower.ts";
import { executeResult } from "../results.ts";

/** Where a command is and, after its end, what `session.execute` answered. */
export const executionStatus: Method<"execution.status"> = ({ commandId }, ctx, caller) =>
  answeredInTime(
    (async () => {
      const record = await requireCommand(ctx, commandId);
      const { sessionId, state, fault, limit, queuedAt, startedAt, endedAt } = record;
      const status = {
        sessionId,
        commandId,
        state,
        ...(fault && { fault }),
        ...(limit && { limit }),
        queuedAt,
        ...(startedAt !== undefined && { startedAt }),
        ...(endedAt !== undefined && { endedAt }),
      };
      if (!isTerminal(state)) return status;
      const end = endOfRecord(record);
      const output = await collectStored(ctx, commandId, end, record.keep, caller.signal);
      return { ...status, ...executeResult(commandId, record.kind, end, output) };
    })(),
  );
