import { ProtocolError } from "../shared/protocol/errors.ts";
import { within } from "../shared/within.ts";
import { ACCEPT_DEADLINE_MS } from "./limits.ts";

/** For requests that only read, or that can be sent again without harm. */
export function answeredInTime<T>(work: Promise<T>): Promise<T> {
  return within(ACCEPT_DEADLINE_MS, work, storeIsAway);
}

export function storeIsAway(): ProtocolError {
  return new ProtocolError(
    "OVERLOADED",
    `Redis did not answer within ${ACCEPT_DEADLINE_MS / 1000} s, and nothing was done. Send the request again; GET /health says when the service is back.`,
  );
}
