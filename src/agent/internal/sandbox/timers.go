package sandbox

import (
	"os"
	"runtime"
	"syscall"
)

const (
	prSetTimerSlack = 29
	prGetTimerSlack = 30

	// coarse is how late a sleep of the agent's may end, in nanoseconds.
	coarse = 500_000
	// fine is what the kernel gives a process by default.
	fine = 50_000
)

// CoarseTimers executes this program anew, with threads whose sleeps may end half a millisecond late. Go's runtime has
// one that sleeps 20 µs at a time while anything happens: that is a tenth of all CPU that a short program costs, and
// changes nothing. The value can't be given to threads that exist, but outlives the execution of a program.
// Where the kernel does not know it nothing happens.
func CoarseTimers() error {
	if timerSlack() == coarse {
		return nil
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	setTimerSlack(coarse)
	if timerSlack() != coarse {
		return nil
	}
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(executable, os.Args, os.Environ())
}

// FineTimers is for the thread that starts programs: they inherit it.
func FineTimers() { setTimerSlack(fine) }

func timerSlack() int {
	slack, _, _ := syscall.RawSyscall(syscall.SYS_PRCTL, prGetTimerSlack, 0, 0)
	return int(slack)
}

func setTimerSlack(ns uintptr) {
	syscall.RawSyscall(syscall.SYS_PRCTL, prSetTimerSlack, ns, 0)
}
