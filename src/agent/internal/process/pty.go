package process

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// Size of a terminal.
type Size struct {
	Columns, Rows uint16
}

// openTerminal makes a pseudo-terminal whose programs' side belongs to the caller's file system uid.
func openTerminal(size Size) (master *os.File, slave int, err error) {
	fd, err := syscall.Open("/dev/ptmx", syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, fmt.Errorf("no pseudo-terminal: %w", err)
	}
	defer func() {
		if err != nil {
			syscall.Close(fd)
		}
	}()
	var unlocked int32
	if err := control(fd, syscall.TIOCSPTLCK, unsafe.Pointer(&unlocked)); err != nil {
		return nil, 0, err
	}
	var number uint32
	if err := control(fd, syscall.TIOCGPTN, unsafe.Pointer(&number)); err != nil {
		return nil, 0, err
	}
	if err := resize(fd, size); err != nil {
		return nil, 0, err
	}
	slave, err = syscall.Open(fmt.Sprintf("/dev/pts/%d", number), syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, 0, err
	}
	return os.NewFile(uintptr(fd), "terminal"), slave, nil
}

// resize also tells the foreground programs (SIGWINCH).
func resize(fd int, size Size) error {
	window := struct{ rows, columns, x, y uint16 }{rows: size.Rows, columns: size.Columns}
	return control(fd, syscall.TIOCSWINSZ, unsafe.Pointer(&window))
}

func control(fd int, request uintptr, argument unsafe.Pointer) error {
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), request, uintptr(argument)); errno != 0 {
		return errno
	}
	return nil
}
