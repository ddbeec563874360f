import { cancelCommand } from "../../shared/redis/commands.ts";
import type { Method } from "../context.ts";
import { answeredInTime } from "../deadline.ts";
import { commandNotFound } from "../known-command.ts";

/** Answers once it is written: then the cancellation can't get lost. The command's own answer says how it ended. */
export const executionCancel: Method<"execution.cancel"> = ({ commandId, signal, graceMs }, ctx) =>
  answeredInTime(
    (async () => {
      const { redis, keys, config } = ctx;
      const state = await cancelCommand(redis, keys, commandId, { signal, graceMs }, config.retentionSeconds);
      if (!state) throw commandNotFound(ctx, commandId);
      return { commandId, state };
    })(),
  );
