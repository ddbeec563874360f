package files

import (
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"codebeaker/agent/internal/plan"
)

// Moved is the result of a move.
type Moved struct {
	Source      string `json:"source"`
	Destination string `json:"destination"`
}

const renameNoreplace = 1

// sysRenameat2 is the number of a system call that the standard library does not name.
var sysRenameat2 = map[string]uintptr{"amd64": 316, "arm64": 276}[runtime.GOARCH]

func (f *Files) move(step *plan.Step) (any, error) {
	source, destination := f.place(step.Source), f.place(step.Destination)
	var info syscall.Stat_t
	if err := syscall.Lstat(source, &info); err != nil {
		return nil, explain(err, "move", step.Source)
	}
	if _, err := makeFolders(parentOf(destination)); err != nil {
		return nil, explain(err, "write", step.Destination)
	}
	err := rename(source, destination, step.MayOverwrite())
	if err == syscall.EXDEV {
		err = f.moveAcross(source, destination, info.Mode, step.MayOverwrite())
	}
	if err != nil {
		return nil, explain(err, "move "+step.Source+" to", step.Destination)
	}
	return Moved{step.Source, step.Destination}, nil
}

func rename(source, destination string, overwrite bool) error {
	if overwrite {
		return syscall.Rename(source, destination)
	}
	from, err := syscall.BytePtrFromString(source)
	if err != nil {
		return err
	}
	to, err := syscall.BytePtrFromString(destination)
	if err != nil {
		return err
	}
	cwd := -100 // AT_FDCWD
	_, _, errno := syscall.Syscall6(sysRenameat2, uintptr(cwd), uintptr(unsafe.Pointer(from)), uintptr(cwd),
		uintptr(unsafe.Pointer(to)), renameNoreplace, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// moveAcross moves between two file systems: a copy, and when that is whole the source goes.
func (f *Files) moveAcross(source, destination string, mode uint32, overwrite bool) error {
	c := copier{overwrite: overwrite, files: f}
	if err := c.copy(source, destination, mode); err != nil {
		return err
	}
	return os.RemoveAll(source)
}
