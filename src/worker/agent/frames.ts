/**
 * The frames of docs/agent-protocol.md: u32 length, u8 type (0x80: goes on in the next frame), u8 length of the id, id,
 * payload. Knows nothing of what they mean.
 */
export const MAX_FRAME_BYTES = 65_536;
const MORE = 0x80;
const MAX_CONTROL_BYTES = 4 * 1_048_576;

export interface Frame {
  type: number;
  id: string;
  payload: Buffer;
}

/** A frame, or several where the payload is longer than one holds. */
export function encodeFrame(type: number, id: string, payload: Buffer = Buffer.alloc(0)): Buffer {
  const room = MAX_FRAME_BYTES - 6 - id.length;
  const parts: Buffer[] = [];
  let at = 0;
  do {
    const part = payload.subarray(at, at + room);
    at += part.length;
    const head = Buffer.allocUnsafe(6 + id.length);
    head.writeUInt32BE(2 + id.length + part.length, 0);
    head.writeUInt8(at < payload.length ? type | MORE : type, 4);
    head.writeUInt8(id.length, 5);
    head.write(id, 6, "latin1");
    parts.push(head, part);
  } while (at < payload.length);
  return Buffer.concat(parts);
}

/**
 * Takes bytes as they come and hands over whole frames, continued payloads joined.
 * The function that it returns throws when the bytes are no frames: then the connection is of no more use.
 */
export function createFrameParser(onFrame: (frame: Frame) => void): (bytes: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  let continued: Buffer[] = [];
  let continuedBytes = 0;

  return (bytes) => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    let at = 0;
    while (rest.length - at >= 4) {
      const length = rest.readUInt32BE(at);
      if (length < 2 || length > MAX_FRAME_BYTES - 4) throw new Error(`a frame of ${length} bytes`);
      if (rest.length - at < 4 + length) break;
      const type = rest.readUInt8(at + 4);
      const idLength = rest.readUInt8(at + 5);
      if (idLength > length - 2) throw new Error("an id longer than its frame");
      const id = rest.toString("latin1", at + 6, at + 6 + idLength);
      const payload = rest.subarray(at + 6 + idLength, at + 4 + length);
      at += 4 + length;

      if (type & MORE || continued.length > 0) {
        continued.push(payload);
        continuedBytes += payload.length;
        if (continuedBytes > MAX_CONTROL_BYTES) throw new Error("a control payload over 4 MiB");
        if (type & MORE) continue;
        const whole = Buffer.concat(continued);
        continued = [];
        continuedBytes = 0;
        onFrame({ type, id, payload: whole });
      } else {
        onFrame({ type, id, payload });
      }
    }
    // A copy: what is kept must not hold on to the whole chunk that it came in.
    rest = at === 0 ? rest : Buffer.from(rest.subarray(at));
  };
}
