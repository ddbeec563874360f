/** What one client may ask of a node. */

/** A larger message is answered with LIMIT_EXCEEDED. */
export const MAX_MESSAGE_BYTES = 1_048_576;
/** A larger frame closes the connection with 1009, unread. */
export const MAX_FRAME_BYTES = 8 * 1_048_576;
/** Requests of one connection that may wait for their answer. */
export const MAX_REQUESTS_IN_FLIGHT = 1024;
/** Requests of one batch, whose answers wait for each other. */
export const MAX_BATCH_REQUESTS = 256;
/** What stdout and stderr hold at most in a response, each. */
export const MAX_RESULT_TEXT_BYTES = 1_048_576;
/** Until when a request must have been accepted or answered, whatever Redis does. */
export const ACCEPT_DEADLINE_MS = 30_000;
/** How often what is waited for is read again, since a message of pub/sub may get lost. */
export const READ_AGAIN_MS = 5000;
