package files

import (
	"os"
	"syscall"

	"codebeaker/agent/internal/plan"
)

// Removed is the result of a remove.
type Removed struct {
	Path    string `json:"path"`
	Removed bool   `json:"removed"`
}

func (f *Files) remove(step *plan.Step) (any, error) {
	place := f.place(step.Path)
	var info syscall.Stat_t
	err := syscall.Lstat(place, &info)
	if err == nil {
		switch {
		case info.Mode&syscall.S_IFMT != syscall.S_IFDIR:
			err = syscall.Unlink(place)
		case step.IsRecursive():
			err = os.RemoveAll(place)
		default:
			err = syscall.Rmdir(place)
		}
	}
	if (err == syscall.ENOENT || err == syscall.ENOTDIR) && step.IgnoreMissing {
		return Removed{step.Path, false}, nil
	}
	if err != nil {
		return nil, explain(err, "remove", step.Path)
	}
	return Removed{step.Path, true}, nil
}
