// Package process starts programs as the sandbox user, learns how they ended, and ends all that they started.
package process

import (
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Exit is how a process ended, and what it had used.
type Exit struct {
	Status syscall.WaitStatus
	Usage  syscall.Rusage
}

// Reaper waits for every child of this process: the programs, their orphans (which become children of PID 1), and the
// launcher. It is the only one that waits, so no status goes to somebody who does not want it.
type Reaper struct {
	mu        sync.Mutex
	waiting   map[int]chan Exit
	launching int          // programs whose pid is not known yet
	early     map[int]Exit // ends of unknown processes meanwhile: one may be such a program
}

// NewReaper makes a reaper; Run does the work.
func NewReaper() *Reaper {
	return &Reaper{waiting: map[int]chan Exit{}, early: map[int]Exit{}}
}

// Run reaps for ever. It blocks its thread in the kernel, which is the fastest way to hear of an end.
func (r *Reaper) Run() {
	for {
		var exit Exit
		pid, err := syscall.Wait4(-1, &exit.Status, syscall.WALL, &exit.Usage)
		if err == syscall.ECHILD {
			time.Sleep(5 * time.Millisecond) // only until there is a launcher
		}
		if err == nil {
			r.ended(pid, exit)
			// Whoever waited runs at once on this thread, rather than wait for another one to take over.
			runtime.Gosched()
		}
	}
}

// Launching tells that a process will come whose pid is not known yet; Launched must follow.
func (r *Reaper) Launching() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.launching++
}

// Launched gives the pid of the process that was announced, 0 when there is none. The channel gets its end.
func (r *Reaper) Launched(pid int) <-chan Exit {
	r.mu.Lock()
	defer r.mu.Unlock()
	ended := make(chan Exit, 1)
	if exit, ok := r.early[pid]; ok {
		ended <- exit
		delete(r.early, pid)
	} else if pid > 0 {
		r.waiting[pid] = ended
	}
	r.launching--
	if r.launching == 0 {
		clear(r.early)
	}
	return ended
}

// Knows reports whether somebody waits for the process.
func (r *Reaper) Knows(pid int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, known := r.waiting[pid]
	return known
}

func (r *Reaper) ended(pid int, exit Exit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if waiting, ok := r.waiting[pid]; ok {
		waiting <- exit
		delete(r.waiting, pid)
	} else if r.launching > 0 {
		r.early[pid] = exit
	}
}
