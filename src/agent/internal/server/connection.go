package server

import (
	"io"
	"sync"
	"time"

	"codebeaker/agent/internal/frame"
)

const (
	// outputHold is how long a little output waits for more, or for the end, to go out in one write with it.
	outputHold = 500 * time.Microsecond
	// outputAtOnce is how much output is not little.
	outputAtOnce = 4 << 10
	// maxWrite is when a write is large enough.
	maxWrite = 64 << 10
)

// connection is one stream of frames.
//
//	new ──HELLO accepted──▶ current ──a newer one, the end of the stream, a broken frame──▶ closed
//	 └──anything else──▶ refused ──▶ closed
//
// Its reader runs in read, its writer in write: whatever is to go out waits in queue, or in the executions themselves.
type connection struct {
	server *Server
	reader *frame.Reader
	stream io.ReadWriteCloser

	mu      sync.Mutex
	queue   []byte // control frames
	closing bool   // after what is in the queue
	wakeAt  *time.Timer
	holding bool

	writing sync.Mutex // held during a write; guards buf
	buf     []byte

	kick   chan struct{} // a token: there may be something to write
	closed chan struct{}
	once   sync.Once
}

func newConnection(server *Server, stream io.ReadWriteCloser) *connection {
	return &connection{
		server: server,
		reader: frame.NewReader(stream),
		stream: stream,
		kick:   make(chan struct{}, 1),
		closed: make(chan struct{}),
	}
}

// run reads until the stream ends or breaks.
func (c *connection) run() {
	go c.write()
	c.read()
	c.server.left(c)
}

// send queues a frame and lets it go out.
func (c *connection) send(t frame.Type, id string, payload []byte) {
	c.mu.Lock()
	c.queue = frame.Append(c.queue, t, id, payload)
	c.mu.Unlock()
	c.nudge()
}

// nudge lets the writer look for something to write.
func (c *connection) nudge() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// nudgeSoon does the same after a moment.
func (c *connection) nudgeSoon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.holding {
		return
	}
	c.holding = true
	if c.wakeAt == nil {
		c.wakeAt = time.AfterFunc(outputHold, c.held)
	} else {
		c.wakeAt.Reset(outputHold)
	}
}

func (c *connection) held() {
	c.mu.Lock()
	c.holding = false
	c.mu.Unlock()
	c.nudge()
}

// write lets out what there is whenever it is told to.
func (c *connection) write() {
	for {
		select {
		case <-c.kick:
			c.writing.Lock()
			c.flush()
			c.writing.Unlock()
		case <-c.closed:
			return
		}
	}
}

// writeNow does the writer's work in its place when it rests: that saves waking it.
func (c *connection) writeNow() {
	if !c.writing.TryLock() {
		c.nudge()
		return
	}
	c.flush()
	c.writing.Unlock()
}

// flush writes what has come together, in one write where it is not much; the caller holds writing.
func (c *connection) flush() {
	for {
		buf, closing := c.collect(c.buf[:0])
		if len(buf) > 0 {
			if _, err := c.stream.Write(buf); err != nil {
				closing = true
			}
		}
		if c.buf = buf; cap(buf) > 2*maxWrite {
			c.buf = nil // a file that was read: its memory is not kept
		}
		if closing {
			c.close()
		}
		if closing || len(buf) == 0 {
			return
		}
	}
}

func (c *connection) collect(buf []byte) (_ []byte, closing bool) {
	c.mu.Lock()
	buf = append(buf, c.queue...)
	c.queue = c.queue[:0]
	if cap(c.queue) > maxWrite {
		c.queue = nil
	}
	closing = c.closing
	c.mu.Unlock()
	if !closing {
		buf = c.server.collect(c, buf)
	}
	return buf, closing
}

// refuse answers and closes.
func (c *connection) refuse(payload []byte) {
	c.mu.Lock()
	c.queue = frame.Append(c.queue, frame.Refused, "", payload)
	c.closing = true
	c.mu.Unlock()
	c.nudge()
}

// close can be called twice.
func (c *connection) close() {
	c.once.Do(func() {
		close(c.closed)
		c.stream.Close()
	})
}
