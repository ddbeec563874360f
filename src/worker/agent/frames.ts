/**
 * The frames of docs/agent-protocol.md: u32 length, u8 type (0x80: goes on in the next frame), u8 length of the id, id,
 * payload. Knows nothing of what they mean.
 */
export const MAX_FRAME_BYTES = 65_536;
const MORE = 0x80;
const LENGTH_BYTES = 4;
const HEAD_BYTES = 6;
const MAX_ID_BYTES = 128;
const MAX_CONTROL_BYTES = 4 * 1_048_576;

export interface Frame {
  type: number;
  id: string;
  payload: Buffer;
}

/** A frame, or several where the payload is longer than one holds. */
export function encodeFrame(type: number, id: string, payload: Buffer = Buffer.alloc(0)): Buffer {
  const room = MAX_FRAME_BYTES - HEAD_BYTES - id.length;
  const parts: Buffer[] = [];
  let at = 0;
  do {
    const part = payload.subarray(at, at + room);
    at += part.length;
    const head = Buffer.allocUnsafe(HEAD_BYTES + id.length);
    head.writeUInt32BE(2 + id.length + part.length, 0);
    head.writeUInt8(at < payload.length ? type | MORE : type, 4);
    head.writeUInt8(id.length, 5);
    head.write(id, HEAD_BYTES, "latin1");
    parts.push(head, part);
  } while (at < payload.length);
  return Buffer.concat(parts);
}

/**
 * Takes bytes as they come and hands over whole frames, continued payloads joined.
 * The function that it returns throws when the bytes are no frames: then the connection is of no more use.
 * It holds on to less than one frame and one continued payload.
 */
export function createFrameParser(onFrame: (frame: Frame) => void): (bytes: Buffer) => void {
  const join = createJoiner(onFrame);
  let held: Buffer[] = [];
  let heldBytes = 0;
  /** How many bytes it takes for the next step: a length, or the whole frame that it belongs to. */
  let neededBytes = LENGTH_BYTES;

  // A copy: what is held must not hold on to the whole chunk that it came in.
  function hold(bytes: Buffer): void {
    if (bytes.length > 0) held.push(Buffer.from(bytes));
    heldBytes += bytes.length;
  }

  return (bytes) => {
    if (heldBytes + bytes.length < neededBytes) return hold(bytes);
    const all = heldBytes === 0 ? bytes : Buffer.concat([...held, bytes]);
    held = [];
    heldBytes = 0;
    let at = 0;
    while (true) {
      neededBytes = all.length - at < LENGTH_BYTES ? LENGTH_BYTES : LENGTH_BYTES + lengthAt(all, at);
      if (all.length - at < neededBytes) break;
      join(partOf(all.subarray(at, at + neededBytes)));
      at += neededBytes;
    }
    hold(all.subarray(at));
  };
}

function lengthAt(bytes: Buffer, at: number): number {
  const length = bytes.readUInt32BE(at);
  if (length < 2 || length > MAX_FRAME_BYTES - LENGTH_BYTES) throw new Error(`a frame of ${length} bytes`);
  return length;
}

/** One frame on the wire: `more` when its payload goes on in the next one. */
interface Part extends Frame {
  more: boolean;
}

function partOf(frame: Buffer): Part {
  const kind = frame.readUInt8(4);
  const idLength = frame.readUInt8(5);
  if (idLength > MAX_ID_BYTES || idLength > frame.length - HEAD_BYTES) {
    throw new Error(`an id of ${idLength} bytes`);
  }
  const more = (kind & MORE) !== 0;
  // So the number of parts is bounded, not only their bytes.
  if (more && frame.length < MAX_FRAME_BYTES) throw new Error("a frame that goes on and is not full");
  return {
    type: kind & ~MORE,
    id: frame.toString("latin1", HEAD_BYTES, HEAD_BYTES + idLength),
    payload: frame.subarray(HEAD_BYTES + idLength),
    more,
  };
}

/** Joins the payload of a frame that goes on. */
function createJoiner(onFrame: (frame: Frame) => void): (part: Part) => void {
  let parts: Part[] = [];
  let bytes = 0;

  return (part) => {
    const { type, id, payload, more } = part;
    const [first] = parts;
    if (!first && !more) return onFrame({ type, id, payload });
    if (first && (first.type !== type || first.id !== id)) throw new Error("a frame within another one");
    parts.push(part);
    bytes += payload.length;
    if (bytes > MAX_CONTROL_BYTES) throw new Error("a control payload over 4 MiB");
    if (more) return;
    const whole = Buffer.concat(parts.map(({ payload }) => payload));
    parts = [];
    bytes = 0;
    onFrame({ type, id, payload: whole });
  };
}
