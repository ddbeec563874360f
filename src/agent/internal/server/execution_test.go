package server

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"codebeaker/agent/internal/agenttest"
	"codebeaker/agent/internal/frame"
)

func TestHowProgramsEnd(t *testing.T) {
	s := newServer(t)
	w, _ := welcomed(t, s, 1)
	w.run("zero", shell("exit 0")).expectExit(t, 0)
	w.run("127", shell("exit 127")).expectExit(t, 127)
	got := w.run("signal", shell("kill -SEGV $$"))
	if got.end.ExitCode != nil || got.end.Signal == nil || *got.end.Signal != "SIGSEGV" {
		t.Fatalf("%+v", got.end)
	}
	if got := w.run("id", shell("id -u; id -g; id -G")); got.output[1] != "1654321\n1654321\n1654321\n" {
		t.Fatalf("%q", got.output)
	}
	if got := w.run("score", shell("cat /proc/self/oom_score_adj")); got.output[1] != "300\n" {
		t.Fatalf("%q", got.output)
	}
}

func TestProgramsThatCannotBeStarted(t *testing.T) {
	s := newServer(t)
	w, _ := welcomed(t, s, 1)
	w.run("script", `{"steps":[{"op":"write","path":"script","content":"#!/no/such/interpreter\n"},
		{"op":"write","path":"data","content":""},{"op":"run","argv":["chmod","755","script"]}]}`).expectExit(t, 0)
	for _, c := range []struct{ step, code, says string }{
		{`{"op":"run","argv":["no-such-program"]}`, "ENOENT", "no-such-program"},
		{`{"op":"run","argv":["/no/such/program"]}`, "ENOENT", "/no/such/program"},
		{`{"op":"run","argv":["true"],"cwd":"no-such-folder"}`, "ENOENT", "no-such-folder"},
		{`{"op":"run","argv":["true"],"cwd":"data"}`, "ENOTDIR", "data"},
		{`{"op":"run","argv":["true"],"cwd":"/root"}`, "EACCES", "/root"},
		{`{"op":"run","argv":["./data"]}`, "EACCES", "./data"},
		{`{"op":"run","argv":["./script"]}`, "ENOENT", "interpreter"},
		{`{"op":"run","argv":["true"],"env":{"PATH":"/none"}}`, "ENOENT", "true"},
	} {
		got := w.run(c.step[:min(len(c.step), 100)], `{"steps":[{"op":"mkdir","path":"d"},`+c.step+`]}`)
		failure := got.end.Failure
		if failure == nil || failure.Step != 1 || failure.Op != "run" || failure.Code != c.code || !strings.Contains(failure.Message, c.says) {
			t.Errorf("%s: %+v", c.step, failure)
		}
		if got.end.ExitCode != nil || got.end.Signal != nil {
			t.Errorf("%s has an exit: %+v", c.step, got.end)
		}
	}
}

func TestAPlanEndsWithItsFirstFailure(t *testing.T) {
	s := newServer(t)
	w, _ := welcomed(t, s, 1)
	got := w.run("e", `{"steps":[
		{"op":"write","path":"f","content":"kept"},
		`+shellStep("exit 9")+`,
		{"op":"write","path":"f","content":"not reached"},
		{"op":"read","path":"f","always":true},
		`+strings.Replace(shellStep("echo cleaned"), "{", `{"always":true,`, 1)+`,
		{"op":"remove","path":"nothing","always":true}]}`)
	got.expectExit(t, 9)
	if got.output[1] != "cleaned\n" {
		t.Errorf("%q", got.output)
	}
	if result, _ := json.Marshal(got.end.Result); string(result) != `{"bytes":4,"path":"f"}` {
		t.Errorf("the result is %s", result)
	}
	got = w.run("read", `{"steps":[{"op":"read","path":"f"}]}`)
	if got.end.Result.(map[string]any)["content"] != "kept" || got.end.ExitCode != nil {
		t.Errorf("%+v", got.end)
	}
}

// gone reports whether no process has the text in its command line any more.
func gone(text string) bool {
	folders, _ := os.ReadDir("/proc")
	for _, folder := range folders {
		line, _ := os.ReadFile("/proc/" + folder.Name() + "/cmdline")
		if strings.Contains(string(line), text) {
			return false
		}
	}
	return true
}

func TestTheDeadlineEndsAllThatWasStarted(t *testing.T) {
	// Given a program with children in other sessions, orphans, and one with an environment of its own
	s := newServer(t)
	w, _ := welcomed(t, s, 1)
	begin := time.Now()
	got := w.run("e", `{"timeoutMs":400,"steps":[`+shellStep(`
		setsid sleep 871.1 &
		(setsid sleep 871.2 &)
		(env -i setsid sleep 871.3 &)
		nohup sleep 871.4 >/dev/null 2>&1 &
		sleep 871.5`)+`,{"op":"write","path":"cleaned","content":"","always":true}]}`)
	// Then all of them are gone when the end comes, and the clean-up was done
	if !got.end.TimedOut || got.end.Cancelled || got.end.Signal == nil || *got.end.Signal != "SIGKILL" {
		t.Errorf("%+v", got.end)
	}
	if took := time.Since(begin); took < 400*time.Millisecond || took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	if !gone("871.") {
		t.Error("something is left")
	}
	if got := w.run("stat", `{"steps":[{"op":"stat","path":"cleaned"}]}`); got.end.Failure != nil {
		t.Error(got.end.Failure)
	}
}

func TestABackgroundProgramOfAnotherExecutionLivesOn(t *testing.T) {
	s := newServer(t)
	w, _ := welcomed(t, s, 1)
	w.run("background", shell("sleep 872.1 >/dev/null 2>&1 & (env -i sleep 872.2 >/dev/null 2>&1 &)")).expectExit(t, 0)
	w.run("e", `{"timeoutMs":200,"steps":[`+shellStep("sleep 872.3")+`]}`)
	if gone("872.1") || gone("872.2") || !gone("872.3") {
		t.Errorf("background: %v %v, ended: %v", !gone("872.1"), !gone("872.2"), gone("872.3"))
	}
	w.run("clean", shell("kill $(grep -l 872 /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3) 2>/dev/null; true"))
}

func TestCancel(t *testing.T) {
	s := newServer(t)
	w, _ := welcomed(t, s, 1)
	start := func(id, line string) {
		w.send(frame.Start, id, shell(line))
		if f := w.next(); f.Type != frame.Output { // the program is ready
			t.Fatalf("%#x %s", f.Type, f.Payload)
		}
	}
	// A program that heeds the signal says how it ended
	start("heeds", `trap 'exit 5' TERM; echo ready; while :; do sleep 0.02; done`)
	w.send(frame.Cancel, "heeds", `{"signal":"SIGTERM","graceMs":10000}`)
	got := w.follow("heeds", 6)
	got.expectExit(t, 5)
	if !got.end.Cancelled || got.end.TimedOut {
		t.Errorf("%+v", got.end)
	}
	// One that does not is killed after the grace period, with its children
	start("ignores", `trap '' TERM; echo ready; setsid sleep 873.1 & while :; do sleep 873.2; done`)
	begin := time.Now()
	w.send(frame.Cancel, "ignores", `{"signal":"SIGTERM","graceMs":300}`)
	got = w.follow("ignores", 6)
	if took := time.Since(begin); took < 300*time.Millisecond || *got.end.Signal != "SIGKILL" || !gone("873.") {
		t.Errorf("after %v: %+v", took, got.end)
	}
	// SIGKILL acts at once, in a grace period too
	start("killed", `trap '' TERM; echo ready; while :; do sleep 874; done`)
	begin = time.Now()
	w.send(frame.Cancel, "killed", `{"signal":"SIGTERM","graceMs":60000}`)
	w.send(frame.Cancel, "killed", `{"signal":"SIGKILL","graceMs":0}`)
	got = w.follow("killed", 6)
	if took := time.Since(begin); took > 5*time.Second || !got.end.Cancelled || *got.end.Signal != "SIGKILL" {
		t.Errorf("after %v: %+v", took, got.end)
	}
}

func TestStandardInput(t *testing.T) {
	s := newServer(t)
	w, _ := welcomed(t, s, 1)
	cat := func(stdin string) string {
		return `{"timeoutMs":10000,"steps":[{"op":"run","argv":["cat"]` + stdin + `}]}`
	}
	if got := w.run("none", cat("")); got.output[1] != "" {
		t.Errorf("%q", got.output)
	}
	if got := w.run("data", cat(`,"stdin":{"data":"aGk=","encoding":"base64"}`)); got.output[1] != "hi" {
		t.Errorf("%q", got.output)
	}
	// What arrives before the program runs waits; at a wrong offset it is dropped and answered
	w.send(frame.Start, "open", cat(`,"stdin":{"data":"0","encoding":"utf8","open":true}`))
	w.sendOffset(frame.Stdin, "open", 7, "wrong")
	w.sendOffset(frame.Stdin, "open", 0, "123")
	var seenWrong bool
	for {
		f := w.next()
		if f.Type == frame.StdinTaken {
			offset, _, _ := frame.ParseOffset(f.Payload)
			seenWrong = seenWrong || offset == 0
			if offset == 3 {
				break
			}
		}
	}
	w.sendOffset(frame.StdinEOF, "open", 5, "") // before the rest
	w.sendOffset(frame.Stdin, "open", 3, "45")
	for ended := false; !ended; {
		f := w.next()
		if ended = f.Type == frame.End; ended && !strings.Contains(string(f.Payload), `"offset":6`) {
			t.Errorf("%s", f.Payload)
		}
	}
	if !seenWrong {
		t.Error("the wrong offset was not answered")
	}
	w.send(frame.AckEnd, "open", "")
	// A program that closes its input does not stop the client
	w.send(frame.Start, "closes", `{"timeoutMs":10000,"steps":[{"op":"run","argv":["sh","-c","exec <&-; sleep 0.5"],"stdin":{"data":"","encoding":"utf8","open":true}}]}`)
	time.Sleep(200 * time.Millisecond)
	w.sendOffset(frame.Stdin, "closes", 0, "lost")
	if got := w.follow("closes", 0); len(got.taken) != 1 || got.taken[0] != 4 {
		t.Errorf("taken: %v", got.taken)
	}
}

func TestTerminal(t *testing.T) {
	if _, err := os.Stat("/dev/ptmx"); err != nil {
		t.Skip(err)
	}
	s := newServer(t)
	w, _ := welcomed(t, s, 1)
	got := w.run("e", `{"timeoutMs":10000,"steps":[{"op":"run","argv":["sh","-c","stty size; test -t 0 && test -t 2 && echo tty; cat"],"pty":{"columns":100,"rows":30}}]}`)
	got.expectExit(t, 0)
	if text := strings.ReplaceAll(got.output[1], "\r", ""); text != "30 100\ntty\n" {
		t.Errorf("%q", text)
	}
	w.send(frame.Start, "size", `{"timeoutMs":10000,"steps":[{"op":"run","argv":["sh","-c","echo ready; read x; stty size"],"pty":{"columns":100,"rows":30},"stdin":{"data":"","encoding":"utf8","open":true}}]}`)
	w.next()
	w.send(frame.Resize, "size", `{"columns":90,"rows":20}`)
	w.sendOffset(frame.Stdin, "size", 0, "x\n")
	w.sendOffset(frame.Ack, "size", 7, "")
	got = w.follow("size", 7)
	if !strings.Contains(got.output[1], "20 90") {
		t.Errorf("%q", got.output)
	}
}

func TestAProgramThatClosesItsTerminalBeforeItExits(t *testing.T) {
	s := newServer(t)
	w, _ := welcomed(t, s, 1)
	for n := range 30 {
		begin := time.Now()
		got := w.run(fmt.Sprint(n), `{"timeoutMs":10000,"steps":[{"op":"run","argv":["sh","-c","echo a; exec <&- >&- 2>&-; sleep 0.02; echo b >/dev/tty; exit 3"],"pty":{"columns":80,"rows":24}}]}`)
		got.expectExit(t, 3)
		if got.output[1] != "a\r\nb\r\n" {
			t.Fatalf("%q", got.output[1])
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Fatalf("it took %v", took)
		}
	}
}

func TestTheClockStandsStillWhileNobodyTakesTheOutput(t *testing.T) {
	// Given a program that writes more than the window, in less time than its deadline, and a worker that stores nothing
	s := newServer(t)
	w, _ := welcomed(t, s, 1)
	w.send(frame.Start, "e", `{"timeoutMs":1300,"steps":[`+shellStep("head -c 600000 /dev/zero; exit 4")+`]}`)
	taken := uint64(0)
	for taken < 240<<10 {
		taken += uint64(len(w.next().Payload) - 9)
	}
	// When it goes on long after the deadline
	time.Sleep(2500 * time.Millisecond)
	w.sendOffset(frame.Ack, "e", taken, "")
	// Then the program has not been ended for it
	w.follow("e", taken).expectExit(t, 4)
}

func TestOutputIsComplete(t *testing.T) {
	s := newServer(t)
	w, _ := welcomed(t, s, 1)
	got := w.run("e", shell("seq 1 200000; seq 1 1000 >&2"))
	got.expectExit(t, 0)
	if lines := strings.Count(got.output[1], "\n"); lines != 200000 || !strings.HasSuffix(got.output[1], "\n200000\n") {
		t.Errorf("%d lines", lines)
	}
	if lines := strings.Count(got.output[2], "\n"); lines != 1000 {
		t.Errorf("%d lines of errors", lines)
	}
}

func TestALauncherThatDiedIsReplaced(t *testing.T) {
	machine := agenttest.Machine(t)
	w, _ := welcomed(t, New(machine), 1)
	w.run("before", shell("exit 0")).expectExit(t, 0)
	syscall.Kill(machine.Starter.Launcher.Pid(), syscall.SIGKILL)
	time.Sleep(50 * time.Millisecond)
	w.run("after", shell("exit 6")).expectExit(t, 6)
}

func TestALauncherThatHangsIsReplaced(t *testing.T) {
	// Given a launcher that does not answer
	machine := agenttest.Machine(t)
	w, _ := welcomed(t, New(machine), 1)
	w.run("before", shell("exit 0")).expectExit(t, 0)
	syscall.Kill(machine.Starter.Launcher.Pid(), syscall.SIGSTOP)
	// Then a program's failure is told in some seconds, other frames are answered meanwhile, and the next program runs
	w.send(frame.Start, "e", shell("echo never"))
	w.send(frame.Ping, "", "")
	if f := w.next(); f.Type != frame.Pong {
		t.Fatalf("%#x %s", f.Type, f.Payload)
	}
	got := w.follow("e", 0)
	if got.end.Failure == nil || got.end.Failure.Code != "EAGAIN" || got.end.ExitCode != nil {
		t.Errorf("%+v", got.end)
	}
	w.run("after", shell("exit 6")).expectExit(t, 6)
}
