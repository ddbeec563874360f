/** Whose doing a failure is. */
export type ErrorFault = "caller" | "infrastructure";

/**
 * Every error that a client can see, with its JSON-RPC code.
 * The first five are JSON-RPC 2.0, section 5.1; ours use the range that it leaves to servers.
 */
export const ERRORS = {
  PARSE_ERROR: { code: -32700, fault: "caller", retryable: false },
  INVALID_REQUEST: { code: -32600, fault: "caller", retryable: false },
  METHOD_NOT_FOUND: { code: -32601, fault: "caller", retryable: false },
  INVALID_PARAMS: { code: -32602, fault: "caller", retryable: false },
  INTERNAL_ERROR: { code: -32603, fault: "infrastructure", retryable: true },
  SESSION_NOT_FOUND: { code: -32001, fault: "caller", retryable: false },
  SESSION_LOST: { code: -32002, fault: "infrastructure", retryable: false },
  SESSION_CLOSED: { code: -32003, fault: "caller", retryable: false },
  SESSION_FAILED: { code: -32004, fault: "infrastructure", retryable: true },
  SESSION_NOT_READY: { code: -32005, fault: "caller", retryable: true },
  COMMAND_NOT_FOUND: { code: -32006, fault: "caller", retryable: false },
  COMMAND_ENDED: { code: -32007, fault: "caller", retryable: false },
  LIMIT_EXCEEDED: { code: -32010, fault: "caller", retryable: false },
  IDEMPOTENCY_CONFLICT: { code: -32011, fault: "caller", retryable: false },
  RATE_LIMITED: { code: -32012, fault: "caller", retryable: true },
  UNAUTHENTICATED: { code: -32013, fault: "caller", retryable: false },
  OVERLOADED: { code: -32014, fault: "infrastructure", retryable: true },
} as const satisfies Record<string, { code: number; fault: ErrorFault; retryable: boolean }>;

export type ErrorCode = keyof typeof ERRORS;

/** What is wrong with one parameter: where, and why. */
export interface ParamIssue {
  path: string;
  reason: string;
}

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
