package outlog

import (
	"errors"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

const (
	// heldFor is how long the beginning of a character waits for its rest.
	heldFor = 50 * time.Millisecond
	// lingerFor is how long a stream is read on after the program's end, where a child still holds it.
	lingerFor = 100 * time.Millisecond
	// maxTerminalBytes is more than a terminal holds.
	maxTerminalBytes = 128 << 10
)

// Stream reads one stream of a program into its log.
//
//	reading ──end of file──▶ over
//	   ├──ProgramEnded, 100 ms──▶ draining what the pipe holds by then ──▶ over
//	   └──no program has the terminal open──▶ hung up ──ProgramEnded──▶ over
//
// A terminal that nobody has open may be opened again, and its master must not be closed before the program's end: the
// kernel would send the program a SIGHUP, and many close their streams before they exit.
type Stream struct {
	log    *Log
	number byte
	file   *os.File
	grown  func()

	held []byte // the beginning of a character, 0 to 3 bytes

	mu          sync.Mutex // guards what follows, and the file's read deadline, which is the earlier of the two
	heldUntil   time.Time
	lingerUntil time.Time
	ended       bool // the program
	hungUp      bool // the terminal

	// What one attempt to read came to.
	room      <-chan struct{} // there was no room; closed when there is
	read      int
	exhausted bool // the end of the stream, or a stream that can't be read any more
}

// NewStream makes the reader of stream number (1 stdout, 2 stderr); file must not block. grown is called after each chunk.
func NewStream(log *Log, number byte, file *os.File, grown func()) *Stream {
	return &Stream{log: log, number: number, file: file, grown: grown}
}

// ProgramEnded lets the stream end in 100 ms, whoever still holds it.
func (s *Stream) ProgramEnded() {
	s.setDeadline(func() {
		s.ended = true
		s.lingerUntil = time.Now()
		if !s.hungUp {
			s.lingerUntil = s.lingerUntil.Add(lingerFor)
		}
	})
}

// Run reads until the stream is over, then closes the file.
func (s *Stream) Run() {
	defer s.file.Close()
	raw, err := s.file.SyscallConn()
	if err != nil {
		return
	}
	for !s.exhausted {
		if s.attempt(raw, true) {
			continue
		}
		s.flush()
		if s.lingered() {
			s.drain(raw)
			break
		}
		s.setDeadline(func() { s.heldUntil = time.Time{} })
	}
	s.flush()
}

// attempt reads once, or waits for room; false when the deadline came first.
func (s *Stream) attempt(raw syscall.RawConn, mayWait bool) bool {
	s.room, s.read = nil, 0
	hadHeld := len(s.held) > 0
	err := raw.Read(func(fd uintptr) bool { return s.take(int(fd)) || !mayWait })
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return false
	case err != nil:
		s.exhausted = true
	case s.room != nil:
		<-s.room
	case s.read > 0:
		s.grown()
		if mayWait && (hadHeld || len(s.held) > 0) {
			s.setDeadline(func() {
				s.heldUntil = time.Time{}
				if len(s.held) > 0 {
					s.heldUntil = time.Now().Add(heldFor)
				}
			})
		}
	}
	return true
}

// take moves what the file has into the log, as far as there is room; false when the file has nothing.
func (s *Stream) take(fd int) bool {
	w := s.log.window
	w.mu.Lock()
	defer w.mu.Unlock()
	room := min(w.room(s.log.held), maxChunk)
	if s.log.discarded {
		room = maxChunk
	}
	if room <= len(s.held) {
		s.room = s.log.full()
		return true
	}
	bytes := w.buffer[:room]
	copy(bytes, s.held)
	n, err := syscall.Read(fd, bytes[len(s.held):])
	switch {
	case err == syscall.EAGAIN:
		return false
	case err == syscall.EINTR:
		return true
	case err == syscall.EIO:
		s.exhausted = s.hangUp()
		return s.exhausted
	case err != nil || n == 0:
		s.exhausted = true
		return true
	}
	bytes = bytes[:len(s.held)+n]
	cut := len(bytes) - IncompleteTail(bytes)
	s.log.append(s.number, bytes[:cut])
	s.held = append(s.held[:0], bytes[cut:]...)
	s.read = n
	return true
}

// hangUp notes that no program has the terminal open; true when none will.
func (s *Stream) hangUp() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hungUp = true
	return s.ended
}

// flush gives the log the bytes that waited for the rest of their character.
func (s *Stream) flush() {
	if len(s.held) == 0 {
		return
	}
	s.log.window.mu.Lock()
	s.log.append(s.number, s.held)
	s.log.window.mu.Unlock()
	s.held = s.held[:0]
	s.grown()
}

// drain reads what the pipe holds now, so that nothing is lost of what was written in time, and no more: a child in the
// background may write for ever.
func (s *Stream) drain(raw syscall.RawConn) {
	s.file.SetReadDeadline(time.Time{})
	remaining := 0
	raw.Control(func(fd uintptr) { remaining = pending(int(fd)) })
	s.mu.Lock()
	if s.hungUp {
		remaining = maxTerminalBytes // a terminal does not tell of what is still on its way
	}
	s.mu.Unlock()
	for remaining > 0 && !s.exhausted {
		s.attempt(raw, false)
		if s.read == 0 && s.room == nil {
			return
		}
		remaining -= s.read
	}
}

func (s *Stream) lingered() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.lingerUntil.IsZero() && !time.Now().Before(s.lingerUntil)
}

func (s *Stream) setDeadline(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	deadline := s.lingerUntil
	if deadline.IsZero() || !s.heldUntil.IsZero() && s.heldUntil.Before(deadline) {
		deadline = s.heldUntil
	}
	s.file.SetReadDeadline(deadline)
}

// pending is how many bytes can be read at once.
func pending(fd int) int {
	const fionread = 0x541b
	var n int32
	syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), fionread, uintptr(unsafe.Pointer(&n)))
	return int(n)
}
