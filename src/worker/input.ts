import type { AgentConnection } from "./agent/connection.ts";

/** A piece of a program's input, as a client sent it. */
export interface InputPiece {
  offset: number;
  bytes: Buffer;
  /** The input ends behind it. */
  eof: boolean;
}

/** Brings input to a program, as fast as it reads. */
export interface InputPump {
  continueOn: (connection: AgentConnection) => void;
  /** Resolves once the program has taken the piece, or will never read again. */
  push: (piece: InputPiece) => Promise<void>;
  /** The agent says how much the program has taken. */
  onTaken: (offset: number) => void;
  /** The program has ended. */
  end: () => void;
}

/** A frame less its head; the agent holds one at a time. */
const MOST_BYTES = 60_000;

/**
 * One frame is on its way at a time, from the offset that the program has taken: what a worker before this one sent, or a
 * frame that a broken connection swallowed, is neither lost nor doubled.
 */
export function createInputPump(
  commandId: string,
  takenBefore: number,
  onStored: (offset: number) => void,
): InputPump {
  let connection: AgentConnection | undefined;
  let pieces: { piece: InputPiece; done: () => void }[] = [];
  let taken = takenBefore;
  let isOnItsWay = false;
  let ended = false;

  function settleTaken(): void {
    const isDone = ({ piece }: { piece: InputPiece }) => piece.offset + piece.bytes.length <= taken;
    for (const entry of pieces.filter(isDone)) {
      if (entry.piece.eof) connection?.endInput(commandId, entry.piece.offset + entry.piece.bytes.length);
      entry.done();
    }
    pieces = pieces.filter((entry) => !isDone(entry));
  }

  function send(): void {
    if (!connection || isOnItsWay) return;
    settleTaken();
    const next = pieces[0]?.piece;
    if (!next || next.offset > taken) return;
    const from = taken - next.offset;
    isOnItsWay = true;
    connection.input(commandId, taken, next.bytes.subarray(from, from + MOST_BYTES));
  }

  return {
    continueOn: (next) => {
      connection = next;
      isOnItsWay = false;
      send();
    },
    push: (piece) =>
      new Promise((done) => {
        if (ended) return done();
        pieces.push({ piece, done });
        pieces.sort((a, b) => a.piece.offset - b.piece.offset);
        send();
      }),
    onTaken: (offset) => {
      isOnItsWay = false;
      if (offset > taken) {
        taken = offset;
        onStored(taken);
      }
      send();
    },
    end: () => {
      ended = true;
      for (const { done } of pieces) done();
      pieces = [];
    },
  };
}
