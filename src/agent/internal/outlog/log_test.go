package outlog

import (
	"bytes"
	"os"
	"syscall"
	"testing"
	"time"
)

// program is the other end of a stream that a test writes to.
type program struct {
	*os.File
	log    *Log
	stream *Stream
	over   chan struct{}
}

func startProgram(t *testing.T, window *Window) *program {
	t.Helper()
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	p := &program{File: os.NewFile(uintptr(ends[1]), "w"), log: New(window), over: make(chan struct{})}
	t.Cleanup(func() { p.File.Close() })
	p.stream = NewStream(p.log, 1, os.NewFile(uintptr(ends[0]), "r"), func() {})
	go func() {
		defer close(p.over)
		p.stream.Run()
	}()
	return p
}

func (p *program) reaches(t *testing.T, offset uint64) {
	t.Helper()
	for giveUp := time.Now().Add(5 * time.Second); time.Now().Before(giveUp); time.Sleep(time.Millisecond) {
		if _, to := p.log.Range(); to >= offset {
			return
		}
	}
	_, to := p.log.Range()
	t.Fatalf("the log came to %d, not to %d", to, offset)
}

// all is what the log holds, with the boundaries of the chunks as |.
func all(l *Log) string {
	var text []byte
	from, _ := l.Range()
	for {
		chunk, ok := l.Next(from)
		if !ok {
			return string(text)
		}
		if len(text) > 0 {
			text = append(text, '|')
		}
		text = append(text, chunk.Bytes...)
		from = chunk.Offset + uint64(len(chunk.Bytes))
	}
}

func TestACharacterIsNotCut(t *testing.T) {
	// Given a program that writes a character in pieces
	p := startProgram(t, NewWindow())
	p.WriteString("a\xe2")
	p.reaches(t, 1)
	p.WriteString("\x82\xacb")
	p.reaches(t, 5)
	p.Close()
	<-p.over
	// Then the character is in one chunk
	if got := all(p.log); got != "a|€b" {
		t.Fatalf("%q", got)
	}
}

func TestHalfACharacterWaits50Milliseconds(t *testing.T) {
	p := startProgram(t, NewWindow())
	begin := time.Now()
	p.WriteString("\xe2")
	p.reaches(t, 1)
	if waited := time.Since(begin); waited < 40*time.Millisecond {
		t.Fatalf("it waited for %v", waited)
	}
}

func TestHalfACharacterComesAtTheEnd(t *testing.T) {
	p := startProgram(t, NewWindow())
	p.WriteString("x\xe2\x82")
	p.Close()
	<-p.over
	if got := all(p.log); got != "x|\xe2\x82" {
		t.Fatalf("%q", got)
	}
}

func TestAFullWindowStopsTheReading(t *testing.T) {
	// Given a program that writes more than the window holds
	p := startProgram(t, NewWindow())
	text := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
	go func() {
		p.Write(text)
		p.Close()
	}()
	p.reaches(t, maxUnacknowledged)
	time.Sleep(20 * time.Millisecond)
	if _, to := p.log.Range(); to > maxUnacknowledged {
		t.Fatalf("%d bytes were read", to)
	}
	// When what came is acknowledged
	var got []byte
	for offset := uint64(0); offset < uint64(len(text)); {
		chunk, ok := p.log.Next(offset)
		if !ok {
			time.Sleep(time.Millisecond)
			continue
		}
		got = append(got, chunk.Bytes...)
		offset = chunk.Offset + uint64(len(chunk.Bytes))
		p.log.Acknowledge(offset)
	}
	// Then nothing is lost
	<-p.over
	if !bytes.Equal(got, text) {
		t.Fatal("the bytes differ")
	}
}

func TestAlways16KiBAreRead(t *testing.T) {
	// Given logs that fill the window of the container
	window := NewWindow()
	for range 4 {
		p := startProgram(t, window)
		go p.Write(make([]byte, maxUnacknowledged))
		p.reaches(t, maxUnacknowledged)
	}
	// When one more program writes
	p := startProgram(t, window)
	go p.Write(make([]byte, 100_000))
	// Then its first 16 KiB are read, and no more
	p.reaches(t, guaranteed)
	time.Sleep(20 * time.Millisecond)
	if _, to := p.log.Range(); to != guaranteed {
		t.Fatalf("%d bytes were read", to)
	}
}

func TestAnAcknowledgementInTheMiddleOfAChunk(t *testing.T) {
	p := startProgram(t, NewWindow())
	p.WriteString("0123456789")
	p.reaches(t, 10)
	p.log.Acknowledge(4)
	chunk, ok := p.log.Next(0)
	if !ok || chunk.Offset != 4 || string(chunk.Bytes) != "456789" {
		t.Fatal(chunk, ok)
	}
	chunk, ok = p.log.Next(7)
	if !ok || chunk.Offset != 7 || string(chunk.Bytes) != "789" {
		t.Fatal(chunk, ok)
	}
	p.log.Acknowledge(1000)
	if from, to := p.log.Range(); from != 10 || to != 10 || p.log.window.held != 0 {
		t.Fatal(from, to, p.log.window.held)
	}
}

func TestAStreamThatAChildHoldsIsReadFor100Milliseconds(t *testing.T) {
	p := startProgram(t, NewWindow())
	p.WriteString("before")
	begin := time.Now()
	p.stream.ProgramEnded()
	time.Sleep(20 * time.Millisecond)
	p.WriteString(" after")
	<-p.over
	if waited := time.Since(begin); waited < 90*time.Millisecond || waited > 2*time.Second {
		t.Errorf("it was read for %v", waited)
	}
	if _, to := p.log.Range(); to != 12 {
		t.Errorf("%d bytes were read", to)
	}
}

func TestWhatWasWrittenInTimeIsReadThoughTheWindowIsFull(t *testing.T) {
	// Given a full window, and more in the pipe, when the program ends but a child still holds the pipe
	p := startProgram(t, NewWindow())
	p.Write(make([]byte, maxUnacknowledged))
	p.reaches(t, maxUnacknowledged)
	p.Write(make([]byte, 60_000))
	p.stream.ProgramEnded()
	time.Sleep(150 * time.Millisecond)
	// Then it is still read when there is room
	p.log.Acknowledge(maxUnacknowledged)
	<-p.over
	if _, to := p.log.Range(); to != maxUnacknowledged+60_000 {
		t.Fatalf("the log ends at %d", to)
	}
}

func TestTheClockStandsStillAfterASecond(t *testing.T) {
	for _, c := range []struct{ full, want time.Duration }{
		{500 * time.Millisecond, 0},
		{time.Second, 0},
		{3 * time.Second, 2 * time.Second},
	} {
		if got := stalledBy(c.full); got != c.want {
			t.Errorf("full for %v: %v, want %v", c.full, got, c.want)
		}
	}
	l := New(NewWindow())
	l.window.mu.Lock()
	l.full()
	l.fullSince = time.Now().Add(-3 * time.Second)
	l.window.mu.Unlock()
	if got := l.Stalled().Round(time.Second); got != 2*time.Second {
		t.Errorf("while it is full: %v", got)
	}
	l.window.mu.Lock()
	l.wake()
	l.window.mu.Unlock()
	if got := l.Stalled().Round(time.Second); got != 2*time.Second {
		t.Errorf("afterwards: %v", got)
	}
}

func TestADiscardedLogHoldsNothing(t *testing.T) {
	p := startProgram(t, NewWindow())
	p.log.Discard()
	p.Write(make([]byte, 1000))
	p.reaches(t, 1000)
	if p.log.window.held != 0 {
		t.Fatalf("it holds %d bytes", p.log.window.held)
	}
}
