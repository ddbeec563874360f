import { z } from "zod";
import {
  ExecuteResult,
  ExecutionRunParams,
  ExecutionStatusParams,
  ExecutionStatusResult,
  SessionExecuteParams,
} from "./executions.ts";
import {
  SessionCloseResult,
  SessionCreateParams,
  SessionCreateResult,
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
    params: ExecutionStatusParams,
    result: ExecutionStatusResult,
  },
} as const;

export type MethodName = keyof typeof METHODS;
export type MethodParams<M extends MethodName> = z.infer<(typeof METHODS)[M]["params"]>;
export type MethodResult<M extends MethodName> = z.infer<(typeof METHODS)[M]["result"]>;
