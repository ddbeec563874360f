package main

import (
	"os"
	"syscall"
)

// stdio is the first connection: what were stdin and stdout of PID 1.
type stdio struct {
	in, out *os.File
}

// takeStdio moves stdin and stdout away from where a child or a stray print could reach them.
func takeStdio() (*stdio, error) {
	in, err := moveAway(0, "stdin")
	if err != nil {
		return nil, err
	}
	out, err := moveAway(1, "stdout")
	if err != nil {
		return nil, err
	}
	return &stdio{in, out}, nil
}

// moveAway gives a descriptor a new number and puts /dev/null in its place. The file is polled, so that Close ends a
// read or write that waits.
func moveAway(fd int, name string) (*os.File, error) {
	moved, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 10)
	if errno != 0 {
		return nil, errno
	}
	if err := putNull(fd); err != nil {
		return nil, err
	}
	if err := syscall.SetNonblock(int(moved), true); err != nil {
		return nil, err
	}
	return os.NewFile(moved, name), nil
}

func putNull(fd int) error {
	null, err := syscall.Open(os.DevNull, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(null)
	return syscall.Dup3(null, fd, 0)
}

func (s *stdio) Read(buf []byte) (int, error)  { return s.in.Read(buf) }
func (s *stdio) Write(buf []byte) (int, error) { return s.out.Write(buf) }

// Close also takes stderr: only when the last of the container's streams is closed does Docker end the attachment, and
// the worker learn of it.
func (s *stdio) Close() error {
	putNull(2)
	s.in.Close()
	return s.out.Close()
}
