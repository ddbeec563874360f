package server

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"codebeaker/agent/internal/agenttest"
	"codebeaker/agent/internal/execution"
	"codebeaker/agent/internal/frame"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

// worker is the other end of a connection.
type worker struct {
	t      *testing.T
	conn   net.Conn
	reader *frame.Reader
	// acknowledge output and ends as they come
	acknowledge bool
}

// newServer is an agent that runs programs.
func newServer(t *testing.T) *Server {
	t.Helper()
	return New(agenttest.Machine(t))
}

func connect(t *testing.T, s *Server) *worker {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { ours.Close() })
	go s.Serve(theirs)
	return &worker{t: t, conn: ours, reader: frame.NewReader(ours), acknowledge: true}
}

// welcomed is a connection after its hello, and what the agent answered.
func welcomed(t *testing.T, s *Server, epoch int) (*worker, helloOK) {
	t.Helper()
	w := connect(t, s)
	w.send(frame.Hello, "", fmt.Sprintf(`{"version":1,"epoch":%d}`, epoch))
	f := w.next()
	var ok helloOK
	if f.Type != frame.HelloOK || json.Unmarshal(f.Payload, &ok) != nil {
		t.Fatalf("the answer to hello: %#x %s", f.Type, f.Payload)
	}
	return w, ok
}

func (w *worker) send(t frame.Type, id, payload string) {
	w.t.Helper()
	w.conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
	if _, err := w.conn.Write(frame.Append(nil, t, id, []byte(payload))); err != nil {
		w.t.Fatal(err)
	}
}

func (w *worker) sendOffset(t frame.Type, id string, offset uint64, rest string) {
	w.t.Helper()
	w.send(t, id, string(frame.Offset(offset))+rest)
}

func (w *worker) next() frame.Frame {
	w.t.Helper()
	w.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	f, err := w.reader.Next()
	if err != nil {
		w.t.Fatal(err)
	}
	return f
}

// closed waits for the end of the connection.
func (w *worker) closed() {
	w.t.Helper()
	w.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	if f, err := w.reader.Next(); err != io.EOF {
		w.t.Fatalf("the connection goes on: %v %#x %s", err, f.Type, f.Payload)
	}
}

// seen is what a worker heard of an execution.
type seen struct {
	from   uint64
	output [3]string // by stream
	frames []frame.Type
	end    execution.End
	taken  []uint64
}

// follow reads until the end of an execution, from an offset of its log on.
func (w *worker) follow(id string, from uint64) seen {
	w.t.Helper()
	s := seen{from: from}
	for at := from; ; {
		f := w.next()
		if f.ID != id {
			w.t.Fatalf("a frame of %q: %#x %s", f.ID, f.Type, f.Payload)
		}
		s.frames = append(s.frames, f.Type)
		switch f.Type {
		case frame.Output:
			stream, offset, bytes := f.Payload[0], binary.BigEndian.Uint64(f.Payload[1:]), f.Payload[9:]
			if offset != at {
				w.t.Fatalf("output at %d, not at %d", offset, at)
			}
			at += uint64(len(bytes))
			s.output[stream] += string(bytes)
			if w.acknowledge {
				w.sendOffset(frame.Ack, id, at, "")
			}
		case frame.StdinTaken:
			s.taken = append(s.taken, binary.BigEndian.Uint64(f.Payload))
		case frame.End:
			if err := json.Unmarshal(f.Payload, &s.end); err != nil {
				w.t.Fatal(err)
			}
			if s.end.Offset != at {
				w.t.Fatalf("the log ends at %d, not at %d", at, s.end.Offset)
			}
			if w.acknowledge {
				w.send(frame.AckEnd, id, "")
			}
			return s
		default:
			w.t.Fatalf("%#x %s", f.Type, f.Payload)
		}
	}
}

// run has a plan carried out; steps and fields as JSON.
func (w *worker) run(id, plan string) seen {
	w.t.Helper()
	w.send(frame.Start, id, plan)
	return w.follow(id, 0)
}

// shell is a plan that runs a line of shell.
func shell(line string) string {
	return `{"timeoutMs":20000,"steps":[` + shellStep(line) + `]}`
}

func shellStep(line string) string {
	text, _ := json.Marshal(line)
	return `{"op":"run","argv":["sh","-c",` + string(text) + `]}`
}

func (s seen) expectExit(t *testing.T, code int) {
	t.Helper()
	if s.end.ExitCode == nil || *s.end.ExitCode != code || s.end.Signal != nil || s.end.Failure != nil {
		t.Fatalf("not exit code %d: %+v, failure %+v", code, s.end, s.end.Failure)
	}
}
