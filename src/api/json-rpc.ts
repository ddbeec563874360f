import { ProtocolError, toWireError, type WireError } from "../shared/protocol/errors.ts";

/** Carries out one request; throws ProtocolError for what the client is to see. Called in the order of the requests. */
export type Dispatch = (method: string, params: unknown) => Promise<unknown>;

export type Id = string | number | null;

type Response = { jsonrpc: "2.0"; id: Id; result: unknown } | { jsonrpc: "2.0"; id: Id; error: WireError };

/** JSON-RPC 2.0 on one message: https://www.jsonrpc.org/specification */
export interface JsonRpc {
  /** The text to answer a message with; undefined when it held notifications only. */
  answer: (message: string) => Promise<string | undefined>;
}

const WRONG_ID =
  "id is a string, a number of at most 2^53 - 1 or null, or absent in a notification. Send a larger number as a string.";

/** `onUnexpected` is told what went wrong inside; the client is told only that something did. */
export function createJsonRpc(
  dispatch: Dispatch,
  maxBatchRequests: number,
  onUnexpected: (error: unknown, method: string) => void,
): JsonRpc {
  /** Calls `dispatch` before it returns, so that requests begin in their order; undefined for a notification. */
  async function answerOne(request: unknown): Promise<Response | undefined> {
    if (!isObject(request)) return failure(null, invalid("A request is an object."));
    const { id, method, params } = request;
    const problem = problemOf(request);
    if (problem !== undefined || typeof method !== "string") {
      return failure(isId(id) ? id : null, invalid(problem ?? "method is a string."));
    }
    try {
      const result = await dispatch(method, params);
      return isId(id) ? { jsonrpc: "2.0", id, result: result ?? null } : undefined;
    } catch (error) {
      if (!(error instanceof ProtocolError)) onUnexpected(error, method);
      return isId(id) ? failure(id, error) : undefined;
    }
  }

  async function answerBatch(requests: unknown[]): Promise<Response[] | Response | undefined> {
    if (requests.length === 0) return failure(null, invalid("A batch holds at least one request."));
    if (requests.length > maxBatchRequests) return failure(null, tooManyInBatch(maxBatchRequests));
    const responses = await Promise.all(requests.map(answerOne));
    const wanted = responses.filter((response) => response !== undefined);
    return wanted.length > 0 ? wanted : undefined;
  }

  return {
    answer: async (message) => {
      let parsed: unknown;
      try {
        parsed = JSON.parse(message);
      } catch {
        const error = new ProtocolError("PARSE_ERROR", "The message is not JSON.");
        return JSON.stringify(failure(null, error));
      }
      const response = await (Array.isArray(parsed) ? answerBatch(parsed) : answerOne(parsed));
      return response && JSON.stringify(response);
    },
  };
}

/** The message that an error is, outside of any request. */
export function errorMessage(id: Id, error: ProtocolError): string {
  return JSON.stringify(failure(id, error));
}

function failure(id: Id, error: unknown): Response {
  const known =
    error instanceof ProtocolError
      ? error
      : new ProtocolError("INTERNAL_ERROR", "Something went wrong inside the server. Its log says what.");
  return { jsonrpc: "2.0", id, error: toWireError(known) };
}

function invalid(problem: string): ProtocolError {
  return new ProtocolError("INVALID_REQUEST", `This is no JSON-RPC 2.0 request. ${problem}`);
}

function tooManyInBatch(most: number): ProtocolError {
  return new ProtocolError("LIMIT_EXCEEDED", `A batch holds at most ${most} requests. Send several batches.`);
}

function problemOf(request: Record<string, unknown>): string | undefined {
  const { jsonrpc, method, id, params } = request;
  if (jsonrpc !== "2.0") return 'jsonrpc is "2.0".';
  if (typeof method !== "string") return "method is a string.";
  if (id !== undefined && !isId(id)) return WRONG_ID;
  if (params !== undefined && (typeof params !== "object" || params === null)) return "params is an object.";
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What can be sent back exactly as it came: a larger number would lose digits, or become null. */
export function isId(value: unknown): value is Id {
  if (typeof value === "number") return Math.abs(value) <= Number.MAX_SAFE_INTEGER;
  return value === null || typeof value === "string";
}
