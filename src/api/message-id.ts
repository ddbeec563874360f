import { type Id, isId } from "./json-rpc.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** A colon, and a string or number behind it. */
const MEMBER_VALUE = /^\s*:\s*("(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*)\s*[,}]/;
const MOST_ID_BYTES = 512;

const BRACE = 0x7b;
const BRACE_END = 0x7d;
const BRACKET = 0x5b;
const BRACKET_END = 0x5d;

/**
 * The id of a request that is too large to be parsed, so that its sender can tell which one it was. Looks only for a
 * member `id` of the outermost object, and runs over strings (where the bulk is) at the speed of a search for bytes.
 * Null where there is none that is certain.
 */
export function findMessageId(message: Buffer): Id {
  let depth = 0;
  for (let at = 0; at < message.length; at++) {
    const byte = message[at];
    if (byte === BRACE || byte === BRACKET) {
      if (depth === 0 && byte === BRACKET) return null;
      depth++;
    } else if (byte === BRACE_END || byte === BRACKET_END) {
      depth--;
      if (depth <= 0) return null;
    } else if (byte === QUOTE) {
      const end = endOfString(message, at);
      if (depth === 1 && end - at === 4 && message.toString("latin1", at, end) === '"id"') {
        const value = MEMBER_VALUE.exec(message.toString("utf8", end, end + MOST_ID_BYTES))?.[1];
        if (value !== undefined) return parseId(value);
      }
      at = end - 1;
    }
  }
  return null;
}

function parseId(json: string): Id {
  try {
    const id: unknown = JSON.parse(json);
    return isId(id) ? id : null;
  } catch {
    return null;
  }
}

/** The index behind the closing quote of the string that begins at `start`. */
function endOfString(message: Buffer, start: number): number {
  let quote = message.indexOf(QUOTE, start + 1);
  while (quote !== -1) {
    let backslashes = 0;
    while (message[quote - 1 - backslashes] === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
    quote = message.indexOf(QUOTE, quote + 1);
  }
  return message.length;
}
