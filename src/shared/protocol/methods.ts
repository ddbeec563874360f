import { z } from "zod";
import {
  CommandParams,
  ExecuteResult,
  ExecutionAttachParams,
  ExecutionAttachResult,
  ExecutionCancelParams,
  ExecutionCancelResult,
  ExecutionDetachResult,
  ExecutionInputParams,
  ExecutionInputResult,
  ExecutionResizeParams,
  ExecutionResizeResult,
  ExecutionRunParams,
  ExecutionStatusResult,
  SessionExecuteParams,
} from "./executions.ts";
import {
  SessionCloseResult,
  SessionCreateParams,
  SessionCreateResult,
  SessionDetachResult,
  SessionInfo,
  SessionListResult,
  SessionParams,
} from "./sessions.ts";

const none = z.strictObject({});

export const InitializeParams = z.strictObject({
  clientName: z.string().max(256).optional(),
  clientVersion: z.string().max(256).optional(),
});

export const InitializeResult = z.object({
  name: z.literal("codebeaker"),
  version: z.string(),
  protocolVersion: z.literal(1),
  languages: z.array(z.string()),
  limits: z.object({ maxMessageBytes: z.int(), maxOutputBytes: z.int(), maxOpenCommands: z.int() }),
});

export const LanguageListResult = z.object({
  languages: z.array(z.object({ name: z.string(), aliases: z.array(z.string()), image: z.string() })),
});

/** Every method: what it takes, what it answers, and one sentence on what it does. */
export const METHODS = {
  initialize: {
    summary: "Who the server is and what it can do. Optional: no method waits for it.",
    params: InitializeParams,
    result: InitializeResult,
  },
  "language.list": {
    summary: "The languages that sessions can be created in.",
    params: none,
    result: LanguageListResult,
  },
  "session.create": {
    summary:
      "Creates a session, a container that keeps its files and processes, and answers when it is ready.",
    params: SessionCreateParams,
    result: SessionCreateResult,
  },
  "session.execute": {
    summary: "Runs one command in a session and answers when it has ended.",
    params: SessionExecuteParams,
    result: ExecuteResult,
  },
  "session.get": { summary: "One session.", params: SessionParams, result: SessionInfo },
  "session.list": { summary: "All live sessions.", params: none, result: SessionListResult },
  "session.close": {
    summary: "Ends a session: what runs in it is cancelled and its container goes.",
    params: SessionParams,
    result: SessionCloseResult,
  },
  "execution.run": {
    summary: "Runs one program in a container of its own, which is then thrown away.",
    params: ExecutionRunParams,
    result: ExecuteResult,
  },
  "execution.status": {
    summary: "Where a command is and, after its end, its result; also when its session is gone.",
    params: CommandParams,
    result: ExecutionStatusResult,
  },
  "execution.attach": {
    summary:
      "Sends the output of a command to this connection from a sequence number on, and its end; also after its end.",
    params: ExecutionAttachParams,
    result: ExecutionAttachResult,
  },
  "execution.detach": {
    summary: "Ends what execution.attach began on this connection; the command goes on.",
    params: CommandParams,
    result: ExecutionDetachResult,
  },
  "execution.cancel": {
    summary:
      "Ends a command and all that it started: a signal, and SIGKILL after a grace period. A queued one never runs.",
    params: ExecutionCancelParams,
    result: ExecutionCancelResult,
  },
  "execution.input": {
    summary:
      "Sends data, or the end of the file, to the stdin of a command with keepStdinOpen or pty; also before it starts.",
    params: ExecutionInputParams,
    result: ExecutionInputResult,
  },
  "execution.resize": {
    summary: "Changes the size of the terminal of a command with pty.",
    params: ExecutionResizeParams,
    result: ExecutionResizeResult,
  },
  "session.attach": {
    summary:
      "Sends all that happens in a session to this connection, from now on: its commands' output and ends, its state.",
    params: SessionParams,
    result: SessionInfo,
  },
  "session.detach": {
    summary: "Ends what session.attach began on this connection.",
    params: SessionParams,
    result: SessionDetachResult,
  },
  "rpc.discover": {
    summary: "The OpenRPC document of this server: every method, command, notification and error.",
    params: none,
    result: z.record(z.string(), z.unknown()),
  },
} as const;

export type MethodName = keyof typeof METHODS;
export type MethodParams<M extends MethodName> = z.infer<(typeof METHODS)[M]["params"]>;
export type MethodResult<M extends MethodName> = z.infer<(typeof METHODS)[M]["result"]>;
