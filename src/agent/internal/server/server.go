// Package server speaks the agent's end of docs/agent-protocol.md: connections, of which one is current, and what their
// frames ask of executions.
package server

import (
	"encoding/json"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"codebeaker/agent/internal/execution"
	"codebeaker/agent/internal/frame"
	"codebeaker/agent/internal/sandbox"
)

const version = 1

// Server has the connections. Nothing about an execution depends on one.
type Server struct {
	table *execution.Table
	heard atomic.Int64 // when the last frame of a worker arrived, as time since started
	begun time.Time

	mu      sync.Mutex
	current *connection
	epoch   uint64 // the highest seen
	cursors map[*execution.Execution]*cursor
}

// cursor is how far the current connection has come with an execution that it listens to.
type cursor struct {
	next    uint64 // offset in the log
	endSent bool
}

// New makes a server without a connection.
func New(machine *execution.Machine) *Server {
	s := &Server{begun: time.Now(), cursors: map[*execution.Execution]*cursor{}}
	s.table = execution.NewTable(machine, s)
	return s
}

// Serve speaks on a stream until it ends.
func (s *Server) Serve(stream io.ReadWriteCloser) {
	newConnection(s, stream).run()
}

// maxConnections is how many streams may be open at once, the stale ones included.
const maxConnections = 16

// Accept takes connections of the agent's uid.
func (s *Server) Accept(listener *net.UnixListener, uid int) {
	free := make(chan struct{}, maxConnections)
	for {
		conn, err := listener.AcceptUnix()
		if err != nil {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if peer, err := sandbox.PeerUID(conn); err != nil || peer != uid {
			conn.Close()
			continue
		}
		free <- struct{}{}
		go func() {
			defer func() { <-free }()
			s.Serve(conn)
		}()
	}
}

// SilentFor is how long no frame of a worker has arrived.
func (s *Server) SilentFor() time.Duration {
	return time.Since(s.begun) - time.Duration(s.heard.Load())
}

func (s *Server) hear() {
	s.heard.Store(int64(time.Since(s.begun)))
}

type hello struct {
	Version int    `json:"version"`
	Epoch   uint64 `json:"epoch"`
}

type helloOK struct {
	Version    int       `json:"version"`
	Epoch      uint64    `json:"epoch"`
	Executions []summary `json:"executions"`
}

// summary is an execution as HELLO_OK lists it.
type summary struct {
	ID          string `json:"id"`
	State       string `json:"state"`
	From        uint64 `json:"from"`
	To          uint64 `json:"to"`
	StdinOffset uint64 `json:"stdinOffset"`
}

type refusal struct {
	Reason string `json:"reason"`
	Epoch  uint64 `json:"epoch"`
}

// welcome makes a connection the current one, if its hello is good; every execution is silent on it until its RESUME.
func (s *Server) welcome(c *connection, payload []byte) bool {
	var h hello
	err := json.Unmarshal(payload, &h)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil:
		c.refuse(encode(refusal{"protocol", s.epoch}))
		return false
	case h.Version != version:
		c.refuse(encode(refusal{"version", s.epoch}))
		return false
	case h.Epoch < s.epoch:
		c.refuse(encode(refusal{"epoch", s.epoch}))
		return false
	}
	s.epoch = h.Epoch
	if s.current != nil && s.current != c {
		s.current.close()
	}
	s.current = c
	clear(s.cursors)
	c.send(frame.HelloOK, "", encode(helloOK{version, s.epoch, s.summaries()}))
	return true
}

func (s *Server) summaries() []summary {
	list := []summary{}
	for _, e := range s.table.All() {
		item := summary{ID: e.ID, State: "running", StdinOffset: e.InputOffset()}
		if e.End() != nil {
			item.State = "ended"
		}
		item.From, item.To = e.Log.Range()
		list = append(list, item)
	}
	return list
}

func (s *Server) isCurrent(c *connection) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current == c
}

func (s *Server) left(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == c {
		s.current = nil
		clear(s.cursors)
	}
}

// listen makes the current connection hear of an execution, from an offset on.
func (s *Server) listen(c *connection, e *execution.Execution, from uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == c {
		s.cursors[e] = &cursor{next: from}
	}
}

// collect adds to buf what the connection has not been sent yet, up to about one write.
func (s *Server) collect(c *connection, buf []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != c {
		return buf
	}
	for e, at := range s.cursors {
		for !at.endSent && len(buf) < maxWrite {
			// The end is asked for first: after it the log does not grow.
			end := e.End()
			if chunk, ok := e.Log.Next(at.next); ok {
				buf = frame.AppendOutput(buf, e.ID, chunk.Stream, chunk.Offset, chunk.Bytes)
				at.next = chunk.Offset + uint64(len(chunk.Bytes))
				continue
			}
			if end == nil {
				break
			}
			buf = frame.Append(buf, frame.End, e.ID, end)
			at.endSent = true
		}
	}
	return buf
}

// forget lets go of an execution whose end is stored.
func (s *Server) forget(e *execution.Execution) {
	if e.End() == nil {
		return
	}
	s.mu.Lock()
	delete(s.cursors, e)
	s.mu.Unlock()
	s.table.Forget(e)
}

// Grown lets a little output wait for a moment.
func (s *Server) Grown(e *execution.Execution) {
	s.mu.Lock()
	c, at := s.current, s.cursors[e]
	s.mu.Unlock()
	if c == nil || at == nil {
		return
	}
	if _, to := e.Log.Range(); to-min(at.next, to) >= outputAtOnce {
		c.nudge()
	} else {
		c.nudgeSoon()
	}
}

// Ended lets an end go out, and the output before it.
func (s *Server) Ended(*execution.Execution) {
	s.mu.Lock()
	c := s.current
	s.mu.Unlock()
	if c != nil {
		c.writeNow()
	}
}

// InputTaken answers STDIN.
func (s *Server) InputTaken(e *execution.Execution, offset uint64) {
	s.mu.Lock()
	c := s.current
	s.mu.Unlock()
	if c != nil {
		c.send(frame.StdinTaken, e.ID, frame.Offset(offset))
	}
}

func encode(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		return []byte("{}")
	}
	return text
}
