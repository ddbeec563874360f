import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  createFrameParser,
  encodeFrame,
  type Frame,
  MAX_FRAME_BYTES,
} from "../../src/worker/agent/frames.ts";

const id = fc.string({ unit: fc.constantFrom(..."abcXYZ019_.-"), maxLength: 128 });
const type = fc.constantFrom(0x01, 0x02, 0x07, 0x41, 0x44, 0x45, 0x47);
/** Mostly small; some that one frame does not hold. */
const payload = fc.oneof(
  { weight: 8, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.integer({ min: MAX_FRAME_BYTES - 300, max: 3 * MAX_FRAME_BYTES }), fc.nat(255))
      .map(([bytes, fill]) => Buffer.alloc(bytes, fill)),
  },
);
const frame = fc.record<Frame>({ type, id, payload });

/** Hands bytes over in pieces of these sizes, over and over, and returns the frames that come of it. */
function parseInPieces(bytes: Buffer, sizes: number[]): Frame[] {
  const frames: Frame[] = [];
  const parse = createFrameParser((one) => frames.push(one));
  for (let at = 0, piece = 0; at < bytes.length; piece++) {
    const size = sizes[piece % sizes.length] ?? 1;
    parse(bytes.subarray(at, at + size));
    at += size;
  }
  return frames;
}

/** Strings are compared faster than buffers. */
function asText({ type, id, payload }: Frame): string {
  return `${type} ${id} ${payload.toString("latin1")}`;
}

function head(length: number, type: number, idLength: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt32BE(length, 0);
  bytes.writeUInt8(type, 4);
  bytes.writeUInt8(idLength, 5);
  return bytes;
}

describe("the frames of the agent protocol", () => {
  test("any split of any sequence of frames gives the same frames", () => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 21, max: 200_000 })), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), sizes, (frames, sizes) => {
        const bytes = Buffer.concat(frames.map(({ type, id, payload }) => encodeFrame(type, id, payload)));
        expect(parseInPieces(bytes, sizes).map(asText)).toEqual(frames.map(asText));
      }),
      { numRuns: 150 },
    );
  });

  test("each frame on the wire is at most 64 KiB, and says its own length", () => {
    fc.assert(
      fc.property(frame, ({ type, id, payload }) => {
        const bytes = encodeFrame(type, id, payload);
        for (let at = 0; at < bytes.length; ) {
          const length = bytes.readUInt32BE(at);
          expect(4 + length).toBeLessThanOrEqual(MAX_FRAME_BYTES);
          at += 4 + length;
          expect(at).toBeLessThanOrEqual(bytes.length);
        }
      }),
      { numRuns: 100 },
    );
  });

  test("garbage gives frames or throws: it never hangs, and no frame is larger than its bound", () => {
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
      // Frames with a byte of theirs changed.
      fc
        .tuple(fc.array(frame, { minLength: 1, maxLength: 3 }), fc.nat(), fc.integer({ min: 1, max: 255 }))
        .map(([frames, where, change]) => {
          const bytes = Buffer.concat(frames.map((one) => encodeFrame(one.type, one.id, one.payload)));
          const at = where % bytes.length;
          bytes.writeUInt8(bytes.readUInt8(at) ^ change, at);
          return bytes;
        }),
      // Heads of every kind.
      fc.tuple(fc.nat(70_000), fc.nat(255), fc.nat(255)).map((fields) => head(...fields)),
    );
    fc.assert(
      fc.property(garbage, fc.integer({ min: 1, max: 5000 }), (bytes, size) => {
        const frames: Frame[] = [];
        try {
          const parse = createFrameParser((one) => frames.push(one));
          for (let at = 0; at < bytes.length; at += size) parse(bytes.subarray(at, at + size));
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
        for (const { id, payload } of frames) {
          expect(id.length).toBeLessThanOrEqual(128);
          expect(payload.length).toBeLessThanOrEqual(4 * 1_048_576);
        }
      }),
      { numRuns: 400 },
    );
  });

  test("a payload that goes on and on is ended, also in frames that carry nothing", () => {
    fc.assert(
      fc.property(fc.constantFrom(0, 1, 1000, MAX_FRAME_BYTES - 6), (size) => {
        const one = Buffer.concat([head(2 + size, 0x82, 0), Buffer.alloc(size)]);
        const many = Buffer.concat(Array.from({ length: Math.ceil(100_000 / one.length) }, () => one));
        const parse = createFrameParser(() => {});
        let handedOver = 0;
        expect(() => {
          for (; handedOver < 16 * 1_048_576; handedOver += many.length) parse(many);
        }).toThrow();
      }),
      { numRuns: 4 },
    );
  });

  test("frames that break the rules are refused: another frame within a continued one, an id over 128 bytes", () => {
    const room = MAX_FRAME_BYTES - 7;
    const continued = Buffer.concat([head(3 + room, 0x82, 1), Buffer.alloc(1 + room, "a")]);
    for (const next of [encodeFrame(0x03, "a"), encodeFrame(0x02, "b")]) {
      expect(() => createFrameParser(() => {})(Buffer.concat([continued, next]))).toThrow();
    }
    const longId = Buffer.concat([head(2 + 129, 0x02, 129), Buffer.alloc(129, 0x61)]);
    expect(() => createFrameParser(() => {})(longId)).toThrow();
  });
});
