// Package sandbox keeps the agent and the programs of a session apart: two users, what each may do, and what the agent
// does in the name of the other.
package sandbox

import (
	"errors"
	"runtime"
	"syscall"
)

// Identity is the two users of a container. The group of each has the number of its user.
type Identity struct {
	Sandbox int // whom programs and file operations run as
	Agent   int // whom PID 1 runs as
}

// Do runs act with exactly the rights of the sandbox user on files: on a thread of its own whose file system uid is the
// sandbox user's meanwhile. The kernel asks for that uid only where files are concerned, so the thread stays out of
// reach of the programs' signals.
func (id Identity) Do(act func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if id.Sandbox != id.Agent {
		setFileIDs(id.Sandbox)
		defer setFileIDs(id.Agent)
	}
	return act()
}

// Check reports whether the kernel lets this process act as the sandbox user: the calls of Do report no errors.
func (id Identity) Check() error {
	return id.Do(func() error {
		const unchanged = ^uintptr(0)
		gid, _, _ := syscall.RawSyscall(syscall.SYS_SETFSGID, unchanged, 0, 0)
		uid, _, _ := syscall.RawSyscall(syscall.SYS_SETFSUID, unchanged, 0, 0)
		if int(uid) != id.Sandbox || int(gid) != id.Sandbox {
			return errors.New("the kernel does not let the agent act as the sandbox user (setfsuid)")
		}
		return nil
	})
}

// setFileIDs changes the file system uid and gid of this thread alone.
func setFileIDs(id int) {
	syscall.RawSyscall(syscall.SYS_SETFSGID, uintptr(id), 0, 0)
	syscall.RawSyscall(syscall.SYS_SETFSUID, uintptr(id), 0, 0)
}
