import { ProtocolError } from "../../shared/protocol/errors.ts";
import type { MethodParams } from "../../shared/protocol/methods.ts";
import { MAX_UNTAKEN_INPUT_BYTES, readInputOffset, sendInput } from "../../shared/redis/input.ts";
import type { ApiContext, Method } from "../context.ts";
import { answeredInTime } from "../deadline.ts";
import { commandEnded, commandNotFound, requireCommand } from "../known-command.ts";

/** Another node may be sending to the same command. */
const MOST_ATTEMPTS = 10;

/** Answers once the input is written: then it reaches the program, also if the worker is replaced meanwhile. */
export const executionInput: Method<"execution.input"> = (params, ctx) =>
  answeredInTime(
    ctx.inputs.enter(params.commandId, async () => {
      for (let attempt = 1; ; attempt++) {
        const { commandId } = params;
        const offset = params.offset ?? (await readInputOffset(ctx.redis, ctx.keys, commandId));
        const result = await send(params, offset, ctx);
        if (result.status === "taken") return { commandId, inputOffset: result.inputOffset };
        const mayRepeat =
          result.status === "offset" && params.offset === undefined && attempt < MOST_ATTEMPTS;
        if (!mayRepeat) throw await notTaken(params, result, ctx);
      }
    }),
  );

function send(params: MethodParams<"execution.input">, offset: number, { redis, keys }: ApiContext) {
  const { commandId, encoding, eof } = params;
  return sendInput(redis, keys, { commandId, offset, data: Buffer.from(params.data, encoding), eof });
}

async function notTaken(
  { commandId }: MethodParams<"execution.input">,
  result: Awaited<ReturnType<typeof sendInput>>,
  ctx: ApiContext,
): Promise<ProtocolError> {
  switch (result.status) {
    case "unknown":
      return commandNotFound(ctx, commandId);
    case "ended":
      return commandEnded(commandId, (await requireCommand(ctx, commandId)).state);
    case "offset":
      return new ProtocolError("INVALID_PARAMS", "The offset is not where the input ends.", [
        { path: "offset", reason: `the input of the command ends at ${result.inputOffset}` },
      ]);
    case "full":
      return new ProtocolError(
        "LIMIT_EXCEEDED",
        `The program has not read ${MAX_UNTAKEN_INPUT_BYTES} bytes of its input yet, which is the most. Send it again once it has read.`,
      );
    default:
      return new ProtocolError(
        "INVALID_PARAMS",
        "The stdin of the command is closed: it was sent without keepStdinOpen and pty, or its end was sent before.",
      );
  }
}
