package server

import (
	"encoding/json"
	"errors"
	"syscall"
	"time"

	"codebeaker/agent/internal/execution"
	"codebeaker/agent/internal/frame"
	"codebeaker/agent/internal/process"
)

// read takes frames until the stream ends; a frame that breaks the format ends this stream alone.
func (c *connection) read() {
	welcome := false
	for {
		f, err := c.reader.Next()
		if err != nil {
			var broken *frame.FormatError
			if errors.As(err, &broken) && !welcome {
				c.refuse(encode(refusal{Reason: "protocol"}))
				return
			}
			c.close()
			return
		}
		switch {
		case f.Type == frame.Hello:
			if welcome = c.server.welcome(c, f.Payload); !welcome {
				return
			}
		case !welcome:
			c.refuse(encode(refusal{Reason: "protocol"}))
			return
		case !c.server.isCurrent(c):
			c.close()
			return
		case !c.handle(f):
			c.close()
			return
		}
		c.server.hear()
	}
}

// handle does what a frame asks; false when it breaks the format. Frames about executions that are unknown by now are
// no error: the end of one and a frame about it can cross.
func (c *connection) handle(f frame.Frame) bool {
	switch f.Type {
	case frame.Ping:
		c.send(frame.Pong, "", nil)
		return true
	case frame.Start:
		c.start(f)
		return true
	}
	e := c.server.table.Get(f.ID)
	switch f.Type {
	case frame.AckEnd:
		if e != nil {
			c.server.forget(e)
		}
		return true
	case frame.Cancel:
		return cancel(e, f.Payload)
	case frame.Resize:
		return resize(e, f.Payload)
	case frame.Resume, frame.Ack, frame.Stdin, frame.StdinEOF:
		offset, rest, ok := frame.ParseOffset(f.Payload)
		if ok && e != nil {
			c.withOffset(e, f.Type, offset, rest)
		}
		return ok
	default:
		return false
	}
}

func (c *connection) withOffset(e *execution.Execution, t frame.Type, offset uint64, rest []byte) {
	switch t {
	case frame.Resume:
		e.Log.Acknowledge(offset)
		from, to := e.Log.Range()
		c.server.listen(c, e, max(from, min(offset, to)))
		c.nudge()
	case frame.Ack:
		e.Log.Acknowledge(offset)
	case frame.Stdin:
		e.Input(offset, rest)
	case frame.StdinEOF:
		e.InputEnd(offset)
	}
}

func (c *connection) start(f frame.Frame) {
	e, refused := c.server.table.Start(f.ID, f.Payload)
	if refused != nil {
		c.send(frame.StartRefused, f.ID, encode(refused))
	}
	if e != nil {
		c.server.listen(c, e, 0)
		c.server.table.Begin(e)
	}
}

func cancel(e *execution.Execution, payload []byte) bool {
	request := struct {
		Signal  string  `json:"signal"`
		GraceMs float64 `json:"graceMs"`
	}{Signal: "SIGTERM", GraceMs: 5000}
	if json.Unmarshal(payload, &request) != nil {
		return false
	}
	signal, known := process.ParseSignal(request.Signal)
	if !known {
		signal = syscall.SIGTERM
	}
	if e != nil {
		grace := min(max(request.GraceMs, 0), float64(time.Hour/time.Millisecond))
		e.Cancel(signal, time.Duration(grace*float64(time.Millisecond)))
	}
	return true
}

func resize(e *execution.Execution, payload []byte) bool {
	var size struct{ Columns, Rows uint16 }
	if json.Unmarshal(payload, &size) != nil {
		return false
	}
	if e != nil {
		e.Resize(size.Columns, size.Rows)
	}
	return true
}
