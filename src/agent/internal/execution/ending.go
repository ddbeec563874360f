package execution

import (
	"sync"
	"syscall"
	"time"

	"codebeaker/agent/internal/process"
)

// ending is how a deadline or a cancel ends what an execution started.
//
//	none ──request SIGTERM──▶ asked ──nothing left──────────────────────▶ over
//	  │                         └──grace passed, or request SIGKILL──▶ killing ──▶ over
//	  └──request SIGKILL────────────────────────────────────────────▶ killing ──▶ over
type ending struct {
	hunter  *process.Hunter
	lineage func() process.Lineage
	busy    func() bool // a program is being started

	mu        sync.Mutex
	requested bool
	hard      chan struct{} // closed to kill at once
	isHard    bool
	over      chan struct{}
}

func newEnding(hunter *process.Hunter, lineage func() process.Lineage, busy func() bool) *ending {
	return &ending{
		hunter: hunter, lineage: lineage, busy: busy,
		hard: make(chan struct{}), over: make(chan struct{}),
	}
}

func (e *ending) isRequested() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.requested
}

// request asks everything to end, and ends it after grace. A second, softer request only sends its signal.
func (e *ending) request(signal syscall.Signal, grace time.Duration) {
	e.mu.Lock()
	first := !e.requested
	e.requested = true
	if signal == syscall.SIGKILL && !e.isHard {
		e.isHard = true
		close(e.hard)
	}
	e.mu.Unlock()
	switch {
	case first:
		go e.carryOut(signal, grace)
	case signal != syscall.SIGKILL:
		go e.hunter.Signal(e.lineage(), signal)
	}
}

// wait returns when a requested ending is over; at once when there is none.
func (e *ending) wait() {
	if e.isRequested() {
		<-e.over
	}
}

func (e *ending) carryOut(signal syscall.Signal, grace time.Duration) {
	defer close(e.over)
	if signal != syscall.SIGKILL && e.leave(signal, grace) {
		return
	}
	e.hunter.Kill(e.lineage, e.busy)
}

// leave sends the signal and waits; true when nothing is left before the grace period is over.
func (e *ending) leave(signal syscall.Signal, grace time.Duration) bool {
	const nothing = 0 // signal 0 only counts
	timer := time.NewTimer(grace)
	defer timer.Stop()
	wasBusy := e.busy()
	left := e.hunter.Signal(e.lineage(), signal)
	for pause := time.Millisecond; left > 0 || wasBusy; pause = min(2*pause, 50*time.Millisecond) {
		select {
		case <-timer.C:
			return false
		case <-e.hard:
			return false
		case <-time.After(pause):
		}
		// A program that was only being started has not had the signal yet.
		send := syscall.Signal(nothing)
		if wasBusy {
			send = signal
		}
		wasBusy = e.busy()
		left = e.hunter.Signal(e.lineage(), send)
	}
	return true
}
