import { z } from "zod";
import type { ErrorCode } from "./errors.ts";
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
  clientName: z.string().max(256).optional().describe("Who connects."),
  clientVersion: z.string().max(256).optional().describe("Which version of it."),
});

export const InitializeResult = z.object({
  name: z.literal("codebeaker"),
  version: z.string().describe("Of the server."),
  protocolVersion: z.literal(1).describe("Of what this document describes."),
  languages: z.array(z.string()).describe("What sessions can be created in."),
  limits: z.object({
    maxMessageBytes: z.int().min(0).describe("The largest message that is carried out."),
    maxOutputBytes: z.int().min(0).describe("The largest `maxOutputBytes` of a command."),
    maxOpenCommands: z
      .int()
      .min(0)
      .describe("Commands of one session that may be queued or running at once."),
  }),
});

export const LanguageListResult = z.object({
  languages: z.array(
    z.object({
      name: z.string(),
      aliases: z.array(z.string()).describe("Other names that are understood."),
      image: z.string().describe("The image of its containers."),
    }),
  ),
});

/** What any method may be answered with, beside its own errors. */
export const COMMON_ERRORS: readonly ErrorCode[] = [
  "INVALID_PARAMS",
  "LIMIT_EXCEEDED",
  "RATE_LIMITED",
  "INTERNAL_ERROR",
];

/** What is no request of any method. */
export const REQUEST_ERRORS: readonly ErrorCode[] = [
  "PARSE_ERROR",
  "INVALID_REQUEST",
  "METHOD_NOT_FOUND",
  "UNAUTHENTICATED",
];

const NO_ERRORS: readonly ErrorCode[] = [];
const ACCEPT_ERRORS: readonly ErrorCode[] = ["IDEMPOTENCY_CONFLICT", "OVERLOADED"];
const COMMAND_ERRORS: readonly ErrorCode[] = ["COMMAND_NOT_FOUND", "OVERLOADED"];

/** Every method: what it takes, what it answers, how it may fail, and one sentence on what it does. */
export const METHODS = {
  initialize: {
    summary: "Who the server is and what it can do. Optional: no method waits for it.",
    params: InitializeParams,
    result: InitializeResult,
    errors: NO_ERRORS,
  },
  "language.list": {
    summary: "The languages that sessions can be created in.",
    params: none,
    result: LanguageListResult,
    errors: NO_ERRORS,
  },
  "session.create": {
    summary:
      "Creates a session, a container that keeps its files and processes, and answers when it is ready.",
    params: SessionCreateParams,
    result: SessionCreateResult,
    errors: [...ACCEPT_ERRORS, "SESSION_FAILED", "SESSION_CLOSED", "SESSION_LOST"],
  },
  "session.execute": {
    summary:
      "Runs one command in a session and answers when it has ended. Commands of a session run in the order of their requests.",
    params: SessionExecuteParams,
    result: ExecuteResult,
    errors: [
      ...ACCEPT_ERRORS,
      "SESSION_NOT_FOUND",
      "SESSION_NOT_READY",
      "SESSION_CLOSED",
      "SESSION_FAILED",
      "SESSION_LOST",
    ],
  },
  "session.get": {
    summary: "One session; also one that has ended, while it is remembered.",
    params: SessionParams,
    result: SessionInfo,
    errors: ["SESSION_NOT_FOUND", "OVERLOADED"],
  },
  "session.list": {
    summary: "All live sessions, oldest first.",
    params: none,
    result: SessionListResult,
    errors: ["OVERLOADED"],
  },
  "session.close": {
    summary: "Ends a session: what runs in it is cancelled and its container goes.",
    params: SessionParams,
    result: SessionCloseResult,
    errors: ["SESSION_NOT_FOUND", "OVERLOADED"],
  },
  "execution.run": {
    summary: "Runs one program in a container of its own, which is then thrown away.",
    params: ExecutionRunParams,
    result: ExecuteResult,
    errors: ACCEPT_ERRORS,
  },
  "execution.status": {
    summary: "Where a command is and, after its end, its result; also when its session is gone.",
    params: CommandParams,
    result: ExecutionStatusResult,
    errors: COMMAND_ERRORS,
  },
  "execution.attach": {
    summary:
      "Sends the output of a command to this connection from a sequence number on, and its end; also after its end.",
    params: ExecutionAttachParams,
    result: ExecutionAttachResult,
    errors: COMMAND_ERRORS,
  },
  "execution.detach": {
    summary: "Ends what execution.attach began on this connection; the command goes on.",
    params: CommandParams,
    result: ExecutionDetachResult,
    errors: NO_ERRORS,
  },
  "execution.cancel": {
    summary:
      "Ends a command and all that it started: a signal, and SIGKILL after a grace period. A queued one never runs.",
    params: ExecutionCancelParams,
    result: ExecutionCancelResult,
    errors: COMMAND_ERRORS,
  },
  "execution.input": {
    summary:
      "Sends data, or the end of the file, to the stdin of a command with keepStdinOpen or pty; also before it starts.",
    params: ExecutionInputParams,
    result: ExecutionInputResult,
    errors: [...COMMAND_ERRORS, "COMMAND_ENDED"],
  },
  "execution.resize": {
    summary: "Changes the size of the terminal of a command with pty.",
    params: ExecutionResizeParams,
    result: ExecutionResizeResult,
    errors: [...COMMAND_ERRORS, "COMMAND_ENDED"],
  },
  "session.attach": {
    summary:
      "Sends all that happens in a session to this connection, from now on: its commands' output and ends, its state.",
    params: SessionParams,
    result: SessionInfo,
    errors: ["SESSION_NOT_FOUND", "OVERLOADED"],
  },
  "session.detach": {
    summary: "Ends what session.attach began on this connection.",
    params: SessionParams,
    result: SessionDetachResult,
    errors: NO_ERRORS,
  },
  "rpc.discover": {
    summary: "The OpenRPC document of this server: every method, command, notification and error.",
    params: none,
    result: z.record(z.string(), z.unknown()),
    errors: NO_ERRORS,
  },
} as const;

export type MethodName = keyof typeof METHODS;
export type MethodParams<M extends MethodName> = z.infer<(typeof METHODS)[M]["params"]>;
export type MethodResult<M extends MethodName> = z.infer<(typeof METHODS)[M]["result"]>;
