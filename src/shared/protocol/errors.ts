import { z } from "zod";

/** Whose doing a failure is. */
export type ErrorFault = "caller" | "infrastructure";

interface ErrorKind {
  code: number;
  fault: ErrorFault;
  /** Whether the same request may succeed later. */
  retryable: boolean;
  meaning: string;
}

/**
 * Every error that a client can see, with its JSON-RPC code.
 * The first five are JSON-RPC 2.0, section 5.1; ours use the range that it leaves to servers.
 */
export const ERRORS = {
  PARSE_ERROR: {
    code: -32700,
    fault: "caller",
    retryable: false,
    meaning: "The message is not JSON, or not a text frame.",
  },
  INVALID_REQUEST: {
    code: -32600,
    fault: "caller",
    retryable: false,
    meaning: "The JSON is no request of JSON-RPC 2.0.",
  },
  METHOD_NOT_FOUND: {
    code: -32601,
    fault: "caller",
    retryable: false,
    meaning: "There is no such method.",
  },
  INVALID_PARAMS: {
    code: -32602,
    fault: "caller",
    retryable: false,
    meaning: "The parameters do not fit. `data.issues` names each of them and why.",
  },
  INTERNAL_ERROR: {
    code: -32603,
    fault: "infrastructure",
    retryable: true,
    meaning: "Something went wrong inside the server; its log says what.",
  },
  SESSION_NOT_FOUND: {
    code: -32001,
    fault: "caller",
    retryable: false,
    meaning: "There is no such session, or it ended so long ago that it is forgotten.",
  },
  SESSION_LOST: {
    code: -32002,
    fault: "infrastructure",
    retryable: false,
    meaning: "The container, worker or host of the session is gone. Create a new one.",
  },
  SESSION_CLOSED: {
    code: -32003,
    fault: "caller",
    retryable: false,
    meaning: "The session was closed, or its idle timeout or lifetime has passed. Create a new one.",
  },
  SESSION_FAILED: {
    code: -32004,
    fault: "infrastructure",
    retryable: true,
    meaning: "The container of the session could not be started.",
  },
  SESSION_NOT_READY: {
    code: -32005,
    fault: "caller",
    retryable: true,
    meaning: "The session is still being created.",
  },
  COMMAND_NOT_FOUND: {
    code: -32006,
    fault: "caller",
    retryable: false,
    meaning: "There is no such command, or its retention has passed.",
  },
  COMMAND_ENDED: {
    code: -32007,
    fault: "caller",
    retryable: false,
    meaning: "The command has ended, so it takes no input and no new size.",
  },
  LIMIT_EXCEEDED: {
    code: -32010,
    fault: "caller",
    retryable: false,
    meaning:
      "More than is allowed: of bytes in a message, requests in a batch, open commands in a session, input not read.",
  },
  IDEMPOTENCY_CONFLICT: {
    code: -32011,
    fault: "caller",
    retryable: false,
    meaning: "The commandId or idempotencyKey belongs to a request with other content.",
  },
  RATE_LIMITED: {
    code: -32012,
    fault: "caller",
    retryable: true,
    meaning: "Too many requests of this connection wait for their answers.",
  },
  UNAUTHENTICATED: {
    code: -32013,
    fault: "caller",
    retryable: false,
    meaning: "Reserved: a missing or wrong API key is refused before the WebSocket opens, by HTTP 401.",
  },
  OVERLOADED: {
    code: -32014,
    fault: "infrastructure",
    retryable: true,
    meaning: "No room for more now: no free slot, a full queue, Redis nearly full or away. Try again later.",
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

/** What is wrong with one parameter. */
const ParamIssue = z.object({
  path: z.string().describe("Where, as one writes it: `command.args[0]`."),
  reason: z.string().describe("Why."),
});
export type ParamIssue = z.infer<typeof ParamIssue>;

/** The `data` of an error object. */
export const ErrorData = z.object({
  code: z.string().describe("The name of the error, which stays as it is; messages may change."),
  fault: z.enum(["caller", "infrastructure"]).describe("Whose doing it is."),
  retryable: z.boolean().describe("Whether the same request may succeed later."),
  issues: z.array(ParamIssue).optional().describe("With INVALID_PARAMS: each parameter that does not fit."),
});

/** An error that a client is meant to see: a stable code of the table and a message to act on. */
export class ProtocolError extends Error {
  readonly code: ErrorCode;
  readonly issues: ParamIssue[] | undefined;

  constructor(code: ErrorCode, message: string, issues?: ParamIssue[]) {
    super(message);
    this.name = "ProtocolError";
    this.code = code;
    this.issues = issues;
  }
}

/** The error object of JSON-RPC 2.0, section 5.1. */
export interface WireError {
  code: number;
  message: string;
  data: { code: ErrorCode; fault: ErrorFault; retryable: boolean; issues?: ParamIssue[] };
}

export function toWireError(error: ProtocolError): WireError {
  const { code, fault, retryable } = ERRORS[error.code];
  return {
    code,
    message: error.message,
    data: { code: error.code, fault, retryable, ...(error.issues && { issues: error.issues }) },
  };
}
