import type { z } from "zod";
import { ProtocolError } from "../shared/protocol/errors.ts";
import { METHODS, type MethodName } from "../shared/protocol/methods.ts";
import type { ApiContext, Caller } from "./context.ts";
import { executionAttach } from "./methods/execution-attach.ts";
import { executionCancel } from "./methods/execution-cancel.ts";
import { executionDetach } from "./methods/execution-detach.ts";
import { executionInput } from "./methods/execution-input.ts";
import { executionResize } from "./methods/execution-resize.ts";
import { executionRun } from "./methods/execution-run.ts";
import { executionStatus } from "./methods/execution-status.ts";
import { initialize } from "./methods/initialize.ts";
import { languageList } from "./methods/language-list.ts";
import { rpcDiscover } from "./methods/rpc-discover.ts";
import { sessionAttach } from "./methods/session-attach.ts";
import { sessionClose } from "./methods/session-close.ts";
import { sessionCreate } from "./methods/session-create.ts";
import { sessionDetach } from "./methods/session-detach.ts";
import { sessionExecute } from "./methods/session-execute.ts";
import { sessionGet } from "./methods/session-get.ts";
import { sessionList } from "./methods/session-list.ts";
import { parseParams } from "./params.ts";

type Handler = (params: unknown, ctx: ApiContext, caller: Caller) => Promise<unknown>;

/** A method behind the check of its parameters. */
function checked<S extends z.ZodType>(
  { params: schema }: { params: S },
  method: (params: z.output<S>, ctx: ApiContext, caller: Caller) => Promise<unknown>,
): Handler {
  return (params, ctx, caller) => method(parseParams(schema, params), ctx, caller);
}

const HANDLERS: Record<MethodName, Handler> = {
  initialize: checked(METHODS.initialize, initialize),
  "language.list": checked(METHODS["language.list"], languageList),
  "session.create": checked(METHODS["session.create"], sessionCreate),
  "session.execute": checked(METHODS["session.execute"], sessionExecute),
  "session.get": checked(METHODS["session.get"], sessionGet),
  "session.list": checked(METHODS["session.list"], sessionList),
  "session.close": checked(METHODS["session.close"], sessionClose),
  "execution.run": checked(METHODS["execution.run"], executionRun),
  "execution.status": checked(METHODS["execution.status"], executionStatus),
  "execution.attach": checked(METHODS["execution.attach"], executionAttach),
  "execution.detach": checked(METHODS["execution.detach"], executionDetach),
  "execution.cancel": checked(METHODS["execution.cancel"], executionCancel),
  "execution.input": checked(METHODS["execution.input"], executionInput),
  "execution.resize": checked(METHODS["execution.resize"], executionResize),
  "session.attach": checked(METHODS["session.attach"], sessionAttach),
  "session.detach": checked(METHODS["session.detach"], sessionDetach),
  "rpc.discover": checked(METHODS["rpc.discover"], rpcDiscover),
};

const handlers = new Map<string, Handler>(Object.entries(HANDLERS));

/** Carries out one request. The method begins before this returns, so that requests begin in their order. */
export async function dispatch(
  method: string,
  params: unknown,
  ctx: ApiContext,
  caller: Caller,
): Promise<unknown> {
  const handler = handlers.get(method);
  if (!handler) {
    const known = [...handlers.keys()].join(", ");
    throw new ProtocolError(
      "METHOD_NOT_FOUND",
      `There is no method ${method.slice(0, 100)}. Known are: ${known}.`,
    );
  }
  return handler(params, ctx, caller);
}
