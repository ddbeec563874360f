package process

import (
	"bytes"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"codebeaker/agent/internal/sandbox"
)

// MarkerName is the variable in the environment of all that an execution starts.
const MarkerName = "CODEBEAKER_EXECUTION"

const (
	// killPasses is how often processes are looked for and killed one by one before all of the container is stopped for it.
	killPasses = 3
	// manyProcesses is from how many on that is done at once: they may take all the CPU that the looking needs.
	manyProcesses = 40
	// killPatience is when to give up on what can't be killed, since it hangs in the kernel.
	killPatience = 10 * time.Second
)

// Lineage says which processes an execution started, also those that left its process group by setsid or a double fork:
//   - a process with the execution's marker in its environment;
//   - a child of such a process, and the members of the leader's group and session;
//   - an orphan without any marker (it gave itself another environment, or lets nobody read it) that was started after
//     the first program, when no other execution was there.
type Lineage struct {
	ID        string
	First     int         // the pid that the first program had; 0 before it
	Leader    int         // the running program; 0 when none runs
	AloneFrom func() Tick // since when no other execution is there; Never while there is one
}

// mayHaveStarted tells whether an orphan can be of the lineage. A tick is long: pids say what came first in it.
func (l Lineage) mayHaveStarted(s stat, aloneFrom Tick) bool {
	started := Tick(s.started)
	return l.First > 0 && (started > aloneFrom || started == aloneFrom && s.pid > l.First)
}

// Tick is a time as /proc/<pid>/stat gives it: 10 ms since the machine started.
type Tick uint64

// Never is later than any start of a process.
const Never = ^Tick(0)

// Now is the current tick.
func Now() Tick {
	const clockBoottime = 7
	var now syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockBoottime, uintptr(unsafe.Pointer(&now)), 0)
	return Tick(now.Nano() / int64(10*time.Millisecond))
}

// Hunter finds and ends the processes of executions.
type Hunter struct {
	Identity sandbox.Identity

	mu sync.Mutex // one at a time: each reads all of /proc, and may stop everything
}

// Signal reaches every process of the lineage once, and tells how many there were.
func (h *Hunter) Signal(l Lineage, signal syscall.Signal) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	found, _ := h.survey(l)
	for _, p := range found {
		syscall.Kill(p.pid, signal)
	}
	return len(found)
}

// Kill ends every process of the lineage and returns when none is left; busy tells that another one may be coming.
// Processes that multiply faster than they can be found are stopped first, with all of the container.
func (h *Hunter) Kill(l func() Lineage, busy func() bool) {
	if leader := l().Leader; leader > 0 {
		syscall.Kill(-leader, syscall.SIGKILL) // its process group, in one step
	}
	giveUp := time.Now().Add(killPatience)
	stopped := map[int]bool{} // by somebody else
	freeze, frozen := false, false
	for pass := 0; time.Now().Before(giveUp); pass++ {
		wasBusy := busy()
		found, complete, froze := h.killOnce(l(), freeze || pass >= killPasses, stopped, !frozen)
		frozen = frozen || froze
		if found == 0 && complete && !wasBusy {
			return
		}
		freeze = !complete
		time.Sleep(min(time.Millisecond<<min(pass, 5), 20*time.Millisecond))
		for busy() && time.Now().Before(giveUp) {
			time.Sleep(time.Millisecond)
		}
	}
}

// killOnce kills the processes that it finds and tells how many. To freeze is one step for the kernel, a signal to
// everybody but PID 1, and what is stopped can neither fork nor use the CPU that the looking needs. Without that the
// looking is complete only if no process was born meanwhile: one that forks and exits all the time is never where
// one looks. stopped is noted only as long as nothing was stopped by us.
func (h *Hunter) killOnce(l Lineage, freeze bool, stopped map[int]bool, note bool) (count int, complete, frozen bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	mayFreeze := os.Getpid() == 1
	freeze = mayFreeze && (freeze || countProcesses() > manyProcesses)
	if freeze {
		syscall.Kill(-1, syscall.SIGSTOP)
	}
	before := lastPid()
	found, others := h.survey(l)
	complete = freeze || !mayFreeze || lastPid() == before
	for _, p := range found {
		syscall.Kill(p.pid, syscall.SIGKILL)
	}
	for _, p := range others {
		if freeze && !stopped[p.pid] {
			syscall.Kill(p.pid, syscall.SIGCONT)
		} else if !freeze && note && p.stopped() {
			stopped[p.pid] = true
		}
	}
	return len(found), complete, freeze
}

// survey tells the living processes of the lineage from all others; the caller holds the lock.
func (h *Hunter) survey(l Lineage) (found, others []stat) {
	self := os.Getpid()
	all := map[int]stat{}
	marks := map[int]mark{}
	h.Identity.Do(func() error {
		eachProcess(func(pid int) {
			s, err := readStat(pid)
			if err != nil || s.dead() || pid == self {
				return
			}
			all[pid] = s
			marks[pid] = readMark(pid, l.ID)
		})
		return nil
	})
	aloneFrom := l.AloneFrom()
	verdicts := map[int]bool{}
	var belongs func(pid int) bool
	belongs = func(pid int) bool {
		if verdict, known := verdicts[pid]; known {
			return verdict
		}
		s, exists := all[pid]
		verdicts[pid] = false // ends the walk, should the parents form a ring
		verdict := exists && (marks[pid] == marked ||
			l.Leader > 0 && (s.group == l.Leader || s.session == l.Leader) ||
			belongs(s.parent) ||
			marks[pid] == unmarked && s.parent == self && l.mayHaveStarted(s, aloneFrom) && h.isSandboxed(pid))
		verdicts[pid] = verdict
		return verdict
	}
	for pid, s := range all {
		if belongs(pid) {
			found = append(found, s)
		} else {
			others = append(others, s)
		}
	}
	return found, others
}

func (h *Hunter) isSandboxed(pid int) bool {
	owner, ok := ownerOf(pid)
	return ok && owner == h.Identity.Sandbox
}

// HasLeftovers tells whether any program is in the container.
func (h *Hunter) HasLeftovers() bool {
	found := false
	eachProcess(func(pid int) {
		found = found || pid != os.Getpid() && h.isSandboxed(pid)
	})
	return found
}

// mark is what an environment says of the execution.
type mark int

const (
	unmarked mark = iota // no marker, or an environment that can't be read
	marked               // this execution's
	foreign              // another one's
)

// readMark looks for the marker in pieces: an environment can have 2 MiB.
func readMark(pid int, id string) mark {
	file, err := os.Open(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return unmarked
	}
	defer file.Close()
	buf := make([]byte, 1, 8<<10) // the zero byte before the first variable
	for {
		n, err := file.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		ended := err != nil || n == 0
		if found := findMark(buf, id, ended); found != unmarked || ended {
			return found
		}
		if len(buf) > cap(buf)/2 {
			keep := copy(buf, buf[len(buf)-longestMarker:])
			buf = buf[:keep]
		}
	}
}

const longestMarker = 1 + len(MarkerName) + 1 + 128 + 1

// findMark expects a zero byte before every variable.
func findMark(environ []byte, id string, ended bool) mark {
	found := unmarked
	rest := environ
	for {
		_, after, ok := bytes.Cut(rest, []byte("\x00"+MarkerName+"="))
		if !ok {
			return found
		}
		value, _, complete := bytes.Cut(after, []byte{0})
		if complete || ended {
			if string(value) == id {
				return marked
			}
			found = foreign
		}
		rest = after
	}
}
