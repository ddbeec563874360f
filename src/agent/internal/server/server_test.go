package server

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"codebeaker/agent/internal/frame"
)

func TestHello(t *testing.T) {
	s := newServer(t)
	first, ok := welcomed(t, s, 5)
	if ok.Version != 1 || ok.Epoch != 5 || ok.Executions == nil || len(ok.Executions) != 0 {
		t.Fatalf("%+v", ok)
	}
	for name, c := range map[string]struct{ hello, reason string }{
		"another version": {`{"version":2,"epoch":9}`, "version"},
		"a lower epoch":   {`{"version":1,"epoch":4}`, "epoch"},
		"no JSON":         {`hello`, "protocol"},
	} {
		w := connect(t, s)
		w.send(frame.Hello, "", c.hello)
		var refused refusal
		f := w.next()
		if err := json.Unmarshal(f.Payload, &refused); err != nil || f.Type != frame.Refused || refused.Reason != c.reason || refused.Epoch != 5 {
			t.Errorf("%s: %#x %s", name, f.Type, f.Payload)
		}
		w.closed()
	}
	// Nobody's refusal has harmed the one that was accepted
	first.send(frame.Ping, "", "")
	if f := first.next(); f.Type != frame.Pong {
		t.Fatalf("%#x", f.Type)
	}
	// The same epoch again is a newer connection of the same worker
	second, _ := welcomed(t, s, 5)
	first.closed()
	second.run("e", shell("exit 0")).expectExit(t, 0)
}

func TestWhatIsNotAHelloIsRefused(t *testing.T) {
	s := newServer(t)
	w := connect(t, s)
	w.send(frame.Ping, "", "")
	if f := w.next(); f.Type != frame.Refused || !strings.Contains(string(f.Payload), `"protocol"`) {
		t.Fatalf("%#x %s", f.Type, f.Payload)
	}
	w.closed()
	w = connect(t, s)
	go w.conn.Write([]byte("\xff\xff\xff\xffgarbage"))
	if f := w.next(); f.Type != frame.Refused {
		t.Fatalf("%#x %s", f.Type, f.Payload)
	}
	w.closed()
}

func TestABrokenFrameClosesOnlyItsConnection(t *testing.T) {
	s := newServer(t)
	for _, broken := range []string{"\x00\x00\x00\x00", "\x00\x00\x00\x02\x7f\x00", "\x00\x00\x00\x03\x04\x00x", "\x00\x00\x00\x03\x06\x00x"} {
		w, _ := welcomed(t, s, 1)
		w.conn.Write([]byte(broken))
		w.closed()
	}
	w, _ := welcomed(t, s, 1)
	w.run("e", shell("exit 3")).expectExit(t, 3)
}

func TestAStartThatIsRepeated(t *testing.T) {
	s := newServer(t)
	w, _ := welcomed(t, s, 1)
	// While it runs it is a no-op, and before its end is acknowledged
	w.acknowledge = false
	w.send(frame.Start, "e", shell("sleep 0.2; echo once"))
	w.send(frame.Start, "e", shell("echo twice"))
	if got := w.follow("e", 0); got.output[1] != "once\n" {
		t.Fatalf("%q", got.output)
	}
	w.send(frame.Start, "e", shell("echo twice"))
	w.send(frame.Ping, "", "")
	if f := w.next(); f.Type != frame.Pong {
		t.Fatalf("%#x %s", f.Type, f.Payload)
	}
	// Then it is refused
	w.send(frame.AckEnd, "e", "")
	w.send(frame.Start, "e", shell("echo twice"))
	if f := w.next(); f.Type != frame.StartRefused || !strings.Contains(string(f.Payload), `"ended"`) {
		t.Fatalf("%#x %s", f.Type, f.Payload)
	}
}

func TestStartsThatAreRefused(t *testing.T) {
	s := newServer(t)
	w, _ := welcomed(t, s, 1)
	w.send(frame.Start, "e", `{"steps":[{"op":"zap"}]}`)
	if f := w.next(); f.Type != frame.StartRefused || f.ID != "e" || !strings.Contains(string(f.Payload), `"invalid"`) {
		t.Fatalf("%#x %s", f.Type, f.Payload)
	}
	for n := range 128 {
		w.send(frame.Start, fmt.Sprint(n), `{"steps":[{"op":"run","argv":["sleep","20"]}]}`)
	}
	w.send(frame.Start, "one too many", shell("exit 0"))
	if f := w.next(); f.Type != frame.StartRefused || !strings.Contains(string(f.Payload), `"limit"`) {
		t.Fatalf("%#x %s", f.Type, f.Payload)
	}
	for n := range 128 {
		w.send(frame.Cancel, fmt.Sprint(n), `{"signal":"SIGKILL","graceMs":0}`)
	}
	for range 128 {
		if f := w.next(); f.Type != frame.End || !strings.Contains(string(f.Payload), `"cancelled":true`) {
			t.Fatalf("%#x %s", f.Type, f.Payload)
		}
	}
}

func TestAnExecutionOutlivesItsConnection(t *testing.T) {
	// Given a program that has written some, and a worker that has stored a part of it
	s := newServer(t)
	first, _ := welcomed(t, s, 1)
	first.send(frame.Start, "e", shell("printf 0123456789; sleep 0.3; printf abc"))
	if f := first.next(); f.Type != frame.Output || string(f.Payload[9:]) != "0123456789" {
		t.Fatalf("%#x %s", f.Type, f.Payload)
	}
	first.sendOffset(frame.Ack, "e", 4, "")
	first.conn.Close()
	// When it ends without one
	time.Sleep(600 * time.Millisecond)
	// Then the next one finds it, silent until its RESUME
	second, ok := welcomed(t, s, 2)
	want := summary{ID: "e", State: "ended", From: 4, To: 13}
	if len(ok.Executions) != 1 || ok.Executions[0] != want {
		t.Fatalf("%+v, want %+v", ok.Executions, want)
	}
	second.send(frame.Ping, "", "")
	if f := second.next(); f.Type != frame.Pong {
		t.Fatalf("%#x %s", f.Type, f.Payload)
	}
	second.sendOffset(frame.Resume, "e", 6, "")
	got := second.follow("e", 6)
	if got.output[1] != "6789abc" {
		t.Fatalf("%q", got.output)
	}
	got.expectExit(t, 0)
	// And afterwards it is gone
	if _, ok := welcomed(t, s, 2); len(ok.Executions) != 0 {
		t.Fatalf("%+v", ok.Executions)
	}
}

func TestOutputAndEndGoOutInOneWrite(t *testing.T) {
	s := newServer(t)
	w, _ := welcomed(t, s, 1)
	for n := range 5 {
		got := w.run(fmt.Sprint(n), shell("echo out; echo err >&2"))
		if got.output[1] != "out\n" || got.output[2] != "err\n" || len(got.frames) > 3 {
			t.Fatalf("%q in %d frames", got.output, len(got.frames))
		}
	}
}

func TestFramesAboutUnknownExecutions(t *testing.T) {
	s := newServer(t)
	w, _ := welcomed(t, s, 1)
	w.sendOffset(frame.Ack, "none", 1, "")
	w.sendOffset(frame.Resume, "none", 1, "")
	w.sendOffset(frame.Stdin, "none", 1, "x")
	w.sendOffset(frame.StdinEOF, "none", 1, "")
	w.send(frame.AckEnd, "none", "")
	w.send(frame.Cancel, "none", `{"signal":"SIGTERM","graceMs":1}`)
	w.send(frame.Resize, "none", `{"columns":1,"rows":1}`)
	w.send(frame.Ping, "", "")
	if f := w.next(); f.Type != frame.Pong {
		t.Fatalf("%#x %s", f.Type, f.Payload)
	}
}
