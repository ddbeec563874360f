package sandbox

import (
	"fmt"
	"syscall"
	"unsafe"
)

// Capabilities that PID 1 and its launcher keep: to switch a program to the sandbox user, and to end it.
var Capabilities = []uintptr{capKill, capSetgid, capSetuid}

const (
	capKill   = 5
	capSetgid = 6
	capSetuid = 7

	prSetDumpable      = 4
	prSetKeepCaps      = 8
	prCapAmbient       = 47
	prCapAmbientClear  = 4
	capabilityVersion3 = 0x20080522
)

// capabilityHeader and capabilityData are the kernel's, for capset; pid 0 is the calling thread.
type capabilityHeader struct {
	version uint32
	pid     int32
}

type capabilityData struct {
	effective, permitted, inheritable uint32
}

func capsetArguments(mask uint32) (*capabilityHeader, *[2]capabilityData) {
	return &capabilityHeader{version: capabilityVersion3},
		&[2]capabilityData{{effective: mask, permitted: mask}}
}

func capabilityMask() (mask uint32) {
	for _, capability := range Capabilities {
		mask |= 1 << capability
	}
	return mask
}

// BecomeAgent gives up root for the agent's uid on all threads, keeping the three capabilities but handing none of them
// to what it executes, and closes /proc/<pid> to everybody else.
func BecomeAgent(uid int) error {
	if _, _, err := syscall.AllThreadsSyscall(syscall.SYS_PRCTL, prSetKeepCaps, 1, 0); err != 0 {
		return fmt.Errorf("prctl(PR_SET_KEEPCAPS): %w", err)
	}
	if err := syscall.Setgroups(nil); err != nil {
		return fmt.Errorf("setgroups: %w", err)
	}
	if err := syscall.Setresgid(uid, uid, uid); err != nil {
		return fmt.Errorf("setresgid: %w", err)
	}
	if err := syscall.Setresuid(uid, uid, uid); err != nil {
		return fmt.Errorf("setresuid: %w", err)
	}
	header, data := capsetArguments(capabilityMask())
	if _, _, err := syscall.AllThreadsSyscall(syscall.SYS_CAPSET, uintptr(unsafe.Pointer(header)), uintptr(unsafe.Pointer(data)), 0); err != 0 {
		return fmt.Errorf("capset: %w", err)
	}
	return hide()
}

// HandOnNothing takes from this thread what would hand its capabilities to the programs that it starts, and closes
// /proc/<pid> to everybody else. The caller has locked its goroutine to the thread.
func HandOnNothing() error {
	if _, _, err := syscall.RawSyscall(syscall.SYS_PRCTL, prCapAmbient, prCapAmbientClear, 0); err != 0 {
		return fmt.Errorf("prctl(PR_CAP_AMBIENT_CLEAR_ALL): %w", err)
	}
	header, data := capsetArguments(capabilityMask())
	if _, _, err := syscall.RawSyscall(syscall.SYS_CAPSET, uintptr(unsafe.Pointer(header)), uintptr(unsafe.Pointer(data)), 0); err != 0 {
		return fmt.Errorf("capset: %w", err)
	}
	return hide()
}

func hide() error {
	if _, _, err := syscall.RawSyscall(syscall.SYS_PRCTL, prSetDumpable, 0, 0); err != 0 {
		return fmt.Errorf("prctl(PR_SET_DUMPABLE): %w", err)
	}
	return nil
}
