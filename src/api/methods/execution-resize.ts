import { ProtocolError } from "../../shared/protocol/errors.ts";
import { isTerminal } from "../../shared/protocol/verdict.ts";
import { sendControl } from "../../shared/redis/control.ts";
import { readSession } from "../../shared/redis/sessions.ts";
import type { Method } from "../context.ts";
import { answeredInTime } from "../deadline.ts";
import { commandEnded, requireCommand } from "../known-command.ts";

/** Changes the size of a terminal; programs get SIGWINCH. */
export const executionResize: Method<"execution.resize"> = ({ commandId, columns, rows }, ctx) =>
  answeredInTime(
    (async () => {
      const { redis, keys } = ctx;
      const { state, sessionId, pty } = await requireCommand(ctx, commandId);
      if (isTerminal(state)) throw commandEnded(commandId, state);
      if (pty === undefined) {
        throw new ProtocolError(
          "INVALID_PARAMS",
          `The command ${commandId} has no terminal: send it with pty.`,
        );
      }
      const session = await readSession(redis, keys, sessionId);
      if (session?.owner !== undefined) {
        await sendControl(redis, keys, session.owner, {
          type: "resize",
          sessionId,
          commandId,
          columns,
          rows,
        });
      }
      return { commandId, columns, rows };
    })(),
  );
