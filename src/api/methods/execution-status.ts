import { ProtocolError } from "../../shared/protocol/errors.ts";
import { isTerminal } from "../../shared/protocol/verdict.ts";
import { readCommand } from "../../shared/redis/commands.ts";
import type { Method } from "../context.ts";
import { answeredInTime } from "../deadline.ts";
import { collectStored } from "../execute.ts";
import { endOfRecord } from "../output-follower.ts";
import { executeResult } from "../results.ts";

/** Where a command is and, after its end, what `session.execute` answered. */
export const executionStatus: Method<"execution.status"> = ({ commandId }, ctx, caller) =>
  answeredInTime(
    (async () => {
      const record = await readCommand(ctx.redis, ctx.keys, commandId);
      if (!record) {
        throw new ProtocolError(
          "COMMAND_NOT_FOUND",
          `There is no command ${commandId}, or its retention of ${ctx.config.retentionSeconds} s after its end has passed.`,
        );
      }
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
