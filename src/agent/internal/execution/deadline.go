package execution

import (
	"sync"
	"time"

	"codebeaker/agent/internal/outlog"
)

// deadline is the limit of a plan's time. Its clock stands still while nobody takes the program's output.
type deadline struct {
	log     *outlog.Log
	started time.Time
	timeout time.Duration
	passed  func()

	mu      sync.Mutex
	timer   *time.Timer
	stopped bool
}

// startDeadline calls passed when the time is over; timeout 0 is none.
func startDeadline(log *outlog.Log, timeout time.Duration, passed func()) *deadline {
	d := &deadline{log: log, started: time.Now(), timeout: timeout, passed: passed}
	if timeout > 0 {
		d.timer = time.AfterFunc(timeout, d.look)
	}
	return d
}

// look sees whether the time is really over, or how much of it is left.
func (d *deadline) look() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped {
		return
	}
	left := d.timeout - time.Since(d.started) + d.log.Stalled()
	if left > 0 {
		// While the clock stands still "left" does too: look again, but not all the time.
		d.timer.Reset(max(left, 50*time.Millisecond))
		return
	}
	d.stopped = true
	go d.passed()
}

func (d *deadline) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopped = true
	if d.timer != nil {
		d.timer.Stop()
	}
}
