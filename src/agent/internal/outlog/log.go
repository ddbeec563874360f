// Package outlog is the log of an execution: stdout and stderr in the order read, each chunk with its byte offset, kept
// until it is acknowledged. A full window stops the reading, so that the program blocks and nothing is lost.
package outlog

import (
	"time"
)

// maxChunk is the most bytes that one OUTPUT frame carries.
const maxChunk = 32 << 10

// Chunk is a piece of one stream.
type Chunk struct {
	Stream byte // 1 stdout, 2 stderr
	Offset uint64
	Bytes  []byte
}

func (c Chunk) end() uint64 { return c.Offset + uint64(len(c.Bytes)) }

// Log holds what was read and not acknowledged. All of it is safe for use by several goroutines.
type Log struct {
	window *Window
	chunks []Chunk
	from   uint64 // lowest byte still held
	to     uint64 // the end of the log
	held   int

	roomy     chan struct{} // closed when a full window has room again
	fullSince time.Time     // zero while there is room
	stalled   time.Duration // how long earlier full windows stood, less the first second of each
	discarded bool
}

// New makes an empty log in a window.
func New(window *Window) *Log {
	return &Log{window: window}
}

// Range is what the log holds: the lowest byte, and its end.
func (l *Log) Range() (from, to uint64) {
	l.window.mu.Lock()
	defer l.window.mu.Unlock()
	return l.from, l.to
}

// Acknowledge lets go of every byte below offset.
func (l *Log) Acknowledge(offset uint64) {
	l.window.mu.Lock()
	defer l.window.mu.Unlock()
	l.acknowledge(min(offset, l.to))
}

// Discard lets go of everything, also of what is still to be read: nobody will ask for it.
func (l *Log) Discard() {
	l.window.mu.Lock()
	defer l.window.mu.Unlock()
	l.discarded = true
	l.acknowledge(l.to)
}

func (l *Log) acknowledge(offset uint64) {
	if offset <= l.from {
		return
	}
	released := int(offset - l.from)
	for len(l.chunks) > 0 && l.chunks[0].end() <= offset {
		l.chunks[0].Bytes = nil
		l.chunks = l.chunks[1:]
	}
	if len(l.chunks) > 0 && l.chunks[0].Offset < offset {
		first := &l.chunks[0]
		first.Bytes = first.Bytes[offset-first.Offset:]
		first.Offset = offset
	}
	if len(l.chunks) == 0 {
		l.chunks = nil
	}
	l.from = offset
	l.held -= released
	l.window.release(released)
}

// Next returns the first chunk at or after offset, cut so that it begins there; false when there is none yet.
func (l *Log) Next(offset uint64) (Chunk, bool) {
	l.window.mu.Lock()
	defer l.window.mu.Unlock()
	for _, chunk := range l.chunks {
		if chunk.end() <= offset {
			continue
		}
		if chunk.Offset < offset {
			chunk.Bytes = chunk.Bytes[offset-chunk.Offset:]
			chunk.Offset = offset
		}
		return chunk, true
	}
	return Chunk{}, false
}

// append numbers bytes and keeps a copy; the caller holds the lock.
func (l *Log) append(stream byte, bytes []byte) {
	if len(bytes) == 0 {
		return
	}
	if l.discarded {
		l.to += uint64(len(bytes))
		l.from = l.to
		return
	}
	l.chunks = append(l.chunks, Chunk{stream, l.to, append([]byte(nil), bytes...)})
	l.to += uint64(len(bytes))
	l.held += len(bytes)
	l.window.held += len(bytes)
}

// full notes that a reader found no room, and returns what is closed when there is some; the caller holds the lock.
func (l *Log) full() <-chan struct{} {
	if l.roomy == nil {
		l.roomy = make(chan struct{})
		l.fullSince = time.Now()
		l.window.waiting[l] = struct{}{}
	}
	return l.roomy
}

// wake lets waiting readers go on; the caller holds the lock.
func (l *Log) wake() {
	l.stalled += stalledBy(time.Since(l.fullSince))
	l.fullSince = time.Time{}
	close(l.roomy)
	l.roomy = nil
}

// Stalled is for how long in all the program stood because nobody took its output: what a window was full for, beyond
// a second each time. The clock of a deadline stands still meanwhile.
func (l *Log) Stalled() time.Duration {
	l.window.mu.Lock()
	defer l.window.mu.Unlock()
	if l.fullSince.IsZero() {
		return l.stalled
	}
	return l.stalled + stalledBy(time.Since(l.fullSince))
}

func stalledBy(full time.Duration) time.Duration {
	return max(full-time.Second, 0)
}
