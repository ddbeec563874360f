package execution

import (
	"errors"
	"os"
	"sync"
)

// terminalEOF is what a person types to end the input of a program on a terminal.
const terminalEOF = 4

// input is what a client sends to the programs of an execution. One frame waits while the program does not read.
//
//	no program ──attach──▶ a program reads ──detach──▶ no program
type input struct {
	taken func(offset uint64) // tells the worker

	mu       sync.Mutex
	offset   uint64 // how much programs took
	waiting  []byte // the frame that follows
	end      *uint64
	changed  chan struct{} // a token: something to write, or the end
	attached *os.File
}

func newInput(taken func(uint64)) *input {
	return &input{taken: taken, changed: make(chan struct{}, 1)}
}

// Offset is how much programs took.
func (in *input) Offset() uint64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.offset
}

// put accepts a frame at the one offset that it can have, when none waits. Any other is dropped and answered.
func (in *input) put(offset uint64, bytes []byte) {
	in.mu.Lock()
	accepted := offset == in.offset && len(in.waiting) == 0 && len(bytes) > 0
	if accepted {
		in.waiting = bytes
	}
	at := in.offset
	in.mu.Unlock()
	if accepted {
		in.wake()
	} else {
		in.taken(at)
	}
}

func (in *input) putEnd(offset uint64) {
	in.mu.Lock()
	in.end = &offset
	in.mu.Unlock()
	in.wake()
}

// drop forgets what waits: no program will read it.
func (in *input) drop() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.waiting = nil
}

func (in *input) wake() {
	select {
	case in.changed <- struct{}{}:
	default:
	}
}

// attach makes a program the one that reads.
func (in *input) attach(file *os.File) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.attached = file
}

// serve gives the program its input: first data, then what is sent, if it is to stay open.
func (in *input) serve(file *os.File, data []byte, open, terminal bool) {
	last := byte('\n')
	if len(data) > 0 {
		last = data[len(data)-1]
	}
	write(file, data)
	if open {
		in.feed(file, &last)
	}
	if terminal {
		endTerminal(file, last)
	} else {
		file.Close()
	}
}

// detach ends the writing to a program that is gone.
func (in *input) detach(file *os.File) {
	in.mu.Lock()
	in.attached = nil
	in.mu.Unlock()
	file.Close()
	in.wake()
}

// feed writes what is sent until its end, or until the program is gone.
func (in *input) feed(file *os.File, last *byte) {
	for {
		in.mu.Lock()
		bytes, gone := in.waiting, in.attached != file
		ended := in.end != nil && len(bytes) == 0 && *in.end <= in.offset
		in.mu.Unlock()
		if gone || ended {
			return
		}
		if len(bytes) == 0 {
			<-in.changed
			continue
		}
		n, err := file.Write(bytes)
		if errors.Is(err, os.ErrClosed) {
			in.advance(n)
			return
		}
		if err != nil {
			n = len(bytes) // the program has closed its input: the rest goes nowhere
		}
		*last = bytes[n-1]
		in.taken(in.advance(n))
	}
}

func (in *input) advance(n int) uint64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.offset += uint64(n)
	in.waiting = in.waiting[n:]
	if len(in.waiting) == 0 {
		in.waiting = nil
	}
	return in.offset
}

func write(file *os.File, data []byte) {
	if len(data) > 0 {
		file.Write(data)
	}
}

// endTerminal: in the middle of a line the first one only ends the line.
func endTerminal(file *os.File, last byte) {
	if last != '\n' && last != '\r' {
		file.Write([]byte{terminalEOF})
	}
	file.Write([]byte{terminalEOF})
}
