import { isUtf8 } from "node:buffer";
import { MAX_RESULT_TEXT_BYTES } from "./limits.ts";
import type { OutputChunk } from "./output-cursor.ts";

/** stdout and stderr as a response holds them. */
export interface CollectedOutput {
  stdout: string;
  stderr: string;
  /** Bytes that are no UTF-8 stand there as U+FFFD. */
  lossy: boolean;
  /** It was more than a response holds. */
  cut: boolean;
}

/** Collects output in bounded memory: of each stream the first 1 MiB or, with `tail`, the last. */
export interface OutputCollector {
  add: (chunk: OutputChunk) => void;
  /** Whether nothing more fits. */
  full: () => boolean;
  collected: () => CollectedOutput;
}

export function createCollector(keep: "head" | "tail"): OutputCollector {
  const create = keep === "head" ? createHead : createTail;
  const stdout = create();
  const stderr = create();
  return {
    add: ({ kind, bytes }) => (kind === "stdout" ? stdout : stderr).add(bytes),
    full: () => keep === "head" && stdout.cut() && stderr.cut(),
    collected: () => {
      const [out, err] = [stdout.bytes(), stderr.bytes()];
      return {
        stdout: out.toString("utf8"),
        stderr: err.toString("utf8"),
        lossy: !isUtf8(out) || !isUtf8(err),
        cut: stdout.cut() || stderr.cut(),
      };
    },
  };
}

interface StreamBytes {
  add: (bytes: Buffer) => void;
  cut: () => boolean;
  bytes: () => Buffer;
}

function createHead(): StreamBytes {
  const grown = createGrowing();
  let cut = false;
  return {
    add: (bytes) => {
      const room = MAX_RESULT_TEXT_BYTES - grown.bytes().length;
      grown.add(bytes.length > room ? bytes.subarray(0, room) : bytes);
      cut ||= bytes.length > room;
    },
    cut: () => cut,
    bytes: () => (cut ? withoutCutEnd(grown.bytes()) : grown.bytes()),
  };
}

function createTail(): StreamBytes {
  const grown = createGrowing();
  let cut = false;
  return {
    add: (bytes) => {
      if (grown.bytes().length + bytes.length > 2 * MAX_RESULT_TEXT_BYTES)
        grown.keepLast(MAX_RESULT_TEXT_BYTES);
      grown.add(bytes);
      cut ||= grown.bytes().length > MAX_RESULT_TEXT_BYTES;
    },
    cut: () => cut,
    bytes: () => (cut ? withoutCutStart(grown.bytes().subarray(-MAX_RESULT_TEXT_BYTES)) : grown.bytes()),
  };
}

/** Bytes that grow; the first piece is not copied, since most outputs have only one. */
function createGrowing() {
  let room: Buffer = Buffer.alloc(0);
  let length = 0;

  function reserve(bytes: number): void {
    if (bytes <= room.length) return;
    const grown = Buffer.allocUnsafe(Math.max(bytes, 2 * room.length));
    room.copy(grown, 0, 0, length);
    room = grown;
  }

  return {
    bytes: () => room.subarray(0, length),
    add: (bytes: Buffer) => {
      if (length === 0 && room.length === 0) room = bytes;
      else {
        reserve(length + bytes.length);
        bytes.copy(room, length);
      }
      length += bytes.length;
    },
    keepLast: (bytes: number) => {
      room = Buffer.from(room.subarray(Math.max(0, length - bytes), length));
      length = room.length;
    },
  };
}

const isContinuation = (byte: number) => byte >= 0x80 && byte < 0xc0;

function sequenceLength(lead: number): number {
  if (lead >= 0xf0) return 4;
  if (lead >= 0xe0) return 3;
  return lead >= 0xc0 ? 2 : 1;
}

/** Less the UTF-8 character that the cut went through. */
export function withoutCutEnd(bytes: Buffer): Buffer {
  for (let back = 1; back <= Math.min(4, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (isContinuation(byte)) continue;
    return sequenceLength(byte) > back ? bytes.subarray(0, bytes.length - back) : bytes;
  }
  return bytes;
}

function withoutCutStart(bytes: Buffer): Buffer {
  let start = 0;
  while (start < 3 && isContinuation(bytes[start] ?? 0)) start++;
  return bytes.subarray(start);
}
