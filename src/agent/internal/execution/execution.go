// Package execution carries out plans. An execution lives outside of connections: it has a log, an input, and in the end
// an END, which is kept until the worker has stored it.
package execution

import (
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"codebeaker/agent/internal/cgroup"
	"codebeaker/agent/internal/files"
	"codebeaker/agent/internal/outlog"
	"codebeaker/agent/internal/plan"
	"codebeaker/agent/internal/process"
	"codebeaker/agent/internal/sandbox"
)

// cleanUpLimit is how long the steps may take that run whatever happened, after the others.
const cleanUpLimit = 10 * time.Second

// largeBytes is from what size on memory is given back to the system.
const largeBytes = 256 << 10

// Machine is what executions share of the container.
type Machine struct {
	Identity  sandbox.Identity
	Starter   *process.Starter
	Hunter    *process.Hunter
	Group     *cgroup.Group
	Window    *outlog.Window
	Workspace string
	// FileSlots has room for as many file steps as may run at once: each can take a thread.
	FileSlots chan struct{}
}

// Listener hears of executions; its methods must not block.
type Listener interface {
	Grown(e *Execution)
	Ended(e *Execution)
	InputTaken(e *Execution, offset uint64)
}

// Execution is one plan being carried out, or its end.
//
//	running ──the plan is through──▶ ended (Ended returns the END's payload) ──Table.Forget──▶ only its id is known
type Execution struct {
	ID       string
	Log      *outlog.Log
	table    *Table
	machine  *Machine
	listener Listener
	plan     *plan.Plan
	large    bool // the plan, or its end, took much memory
	input    *input

	mu        sync.Mutex
	program   *process.Program // that runs now
	size      *process.Size    // of the terminal, as the client last set it
	first     int              // the pid of the first program
	launching bool
	ending    *ending
	cancelled bool
	timedOut  bool
	end       []byte

	// Guarded by the table's lock.
	aloneFrom   process.Tick
	alwaysAlone bool
}

// End is the payload of the END frame; nil while the execution runs.
func (e *Execution) End() []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.end
}

// Cancel sends a signal to all that the execution started, and ends what is left after grace.
func (e *Execution) Cancel(signal syscall.Signal, grace time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.end != nil {
		return
	}
	e.cancelled = true
	e.ending.request(signal, grace)
}

// Input takes a STDIN frame.
func (e *Execution) Input(offset uint64, bytes []byte) { e.input.put(offset, bytes) }

// InputEnd takes a STDIN_EOF frame.
func (e *Execution) InputEnd(offset uint64) { e.input.putEnd(offset) }

// InputOffset is how much of the input programs took.
func (e *Execution) InputOffset() uint64 { return e.input.Offset() }

// Resize changes the terminal, also that of a program that is still to start.
func (e *Execution) Resize(columns, rows uint16) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.size = &process.Size{Columns: columns, Rows: rows}
	if e.program != nil && e.program.Stderr == nil {
		e.program.Resize(*e.size)
	}
}

// carryOut is the life of an execution.
func (e *Execution) carryOut() {
	meter := startMeter(e.machine.Group)
	limit := startDeadline(e.Log, e.plan.Timeout(), e.deadlinePassed)
	var end End
	e.steps(&end, meter, limit)
	limit.stop()

	e.currentEnding().wait()
	meter.read(&end, func() bool { return e.table.wasAlone(e) && !e.machine.Hunter.HasLeftovers() })
	_, end.Offset = e.Log.Range()
	e.mu.Lock()
	end.Cancelled, end.TimedOut = e.cancelled, e.timedOut
	e.end = end.encode()
	e.large = e.large || len(e.end) > largeBytes
	e.plan = nil
	e.mu.Unlock()
	e.input.drop()
	e.table.ended(e)
	e.listener.Ended(e)
	if e.large {
		debug.FreeOSMemory()
	}
}

// steps carries out the plan. Once its outcome is certain only the steps that always run do.
func (e *Execution) steps(end *End, meter *meter, limit *deadline) {
	decided, cleaningUp := false, false
	lastOrdinary := -1
	for i := range e.plan.Steps {
		if !e.plan.Steps[i].Always {
			lastOrdinary = i
		}
	}
	for i := range e.plan.Steps {
		step := &e.plan.Steps[i]
		decided = decided || i > lastOrdinary || e.currentEnding().isRequested()
		if decided && !step.Always {
			continue
		}
		if decided && !cleaningUp {
			cleaningUp = true
			limit.stop()
			stop := e.beginCleanUp()
			defer stop()
		}
		outcome := e.step(step, meter)
		if !step.Always && !outcome.addTo(end, i, step) {
			decided = true
		}
	}
}

// beginCleanUp lets an ending that was requested come to its end, so that it does not end the clean-up too, and limits
// the time of what follows.
func (e *Execution) beginCleanUp() (stop func()) {
	e.currentEnding().wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ending = e.newEnding()
	timer := time.AfterFunc(cleanUpLimit, func() { e.currentEnding().request(syscall.SIGKILL, 0) })
	return func() { timer.Stop() }
}

// step carries out one step.
func (e *Execution) step(step *plan.Step, meter *meter) outcome {
	if step.IsRun() {
		return e.run(step, meter)
	}
	e.machine.FileSlots <- struct{}{}
	defer func() { <-e.machine.FileSlots }()
	var result any
	actor := files.Files{Workspace: e.machine.Workspace, Interrupted: e.currentEnding().isRequested}
	err := e.machine.Identity.Do(func() (err error) {
		result, err = actor.Do(step)
		return err
	})
	return outcome{result: result, err: err, interrupted: e.currentEnding().isRequested()}
}

func (e *Execution) deadlinePassed() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.end == nil {
		e.timedOut = true
		e.ending.request(syscall.SIGKILL, 0)
	}
}

func (e *Execution) currentEnding() *ending {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ending
}

func (e *Execution) newEnding() *ending {
	return newEnding(e.machine.Hunter, e.lineage, e.isLaunching)
}

func (e *Execution) lineage() process.Lineage {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := process.Lineage{ID: e.ID, First: e.first, AloneFrom: func() process.Tick { return e.table.aloneFrom(e) }}
	if e.program != nil {
		l.Leader = e.program.Pid
	}
	return l
}

func (e *Execution) isLaunching() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.launching
}
