import { ProtocolError } from "../shared/protocol/errors.ts";
import { ACCEPT_DEADLINE_MS } from "./limits.ts";

/** The result of `work`, or the error of `late` when it takes longer than `ms`; the work itself is left to end. */
export async function within<T>(ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), ms);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

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
