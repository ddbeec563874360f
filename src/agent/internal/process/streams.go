package process

import (
	"os"
	"syscall"
)

// streams are both ends of what a program reads and writes.
type streams struct {
	stdin, stdout, stderr *os.File // ours, never blocking
	theirs                [maxOrderFiles]int
	opened                []int // those of theirs that are to be closed
}

func (s *streams) open(spec Spec) error {
	if spec.Terminal != nil {
		return s.openTerminal(*spec.Terminal)
	}
	if spec.Stdin {
		read, write, err := pipe()
		if err != nil {
			return err
		}
		s.give(0, read)
		s.stdin = os.NewFile(uintptr(write), "stdin")
	} else {
		null, err := syscall.Open(os.DevNull, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		s.theirs[0] = null
		s.opened = append(s.opened, null)
	}
	for i, name := range []string{1: "stdout", 2: "stderr"} {
		if name == "" {
			continue
		}
		read, write, err := pipe()
		if err != nil {
			return err
		}
		s.give(i, write)
		if i == 1 {
			s.stdout = os.NewFile(uintptr(read), name)
		} else {
			s.stderr = os.NewFile(uintptr(read), name)
		}
	}
	return nil
}

func (s *streams) openTerminal(size Size) error {
	master, slave, err := openTerminal(size)
	if err != nil {
		return err
	}
	s.opened = append(s.opened, slave)
	s.theirs = [maxOrderFiles]int{slave, slave, slave}
	s.stdin, s.stdout = master, master
	return nil
}

// give makes fd a stream of the program, which expects that it blocks.
func (s *streams) give(i, fd int) {
	syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_SETFL, 0)
	s.theirs[i] = fd
	s.opened = append(s.opened, fd)
}

// closeTheirs leaves the program's ends to the program, so that ours see their end.
func (s *streams) closeTheirs() {
	for _, fd := range s.opened {
		syscall.Close(fd)
	}
	s.opened = nil
}

func (s *streams) closeOurs() {
	for _, file := range []*os.File{s.stdin, s.stdout, s.stderr} {
		if file != nil {
			file.Close()
		}
	}
}

// pipe makes both ends non-blocking: the runtime polls ours, so that no thread waits for it.
func pipe() (read, write int, err error) {
	var ends [2]int
	err = syscall.Pipe2(ends[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK)
	return ends[0], ends[1], err
}
