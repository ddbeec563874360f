// Package files carries out the file steps of a plan, with exactly the rights of the sandbox user. Every function is to
// be called on a thread that has that user's file system ids (sandbox.Identity.Do).
package files

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"codebeaker/agent/internal/errno"
	"codebeaker/agent/internal/plan"
)

// Files are the files of a session; relative paths are under Workspace.
type Files struct {
	Workspace string
	// Interrupted tells that the execution is to end; long operations ask it between two pieces of work.
	Interrupted func() bool
}

// Do carries out a step. The result is what END carries; an error is an *errno.Failure.
func (f *Files) Do(step *plan.Step) (any, error) {
	switch step.Op {
	case "write":
		return f.write(step)
	case "read":
		return f.read(step)
	case "mkdir":
		return f.mkdir(step)
	case "copy":
		return f.copy(step)
	case "move":
		return f.move(step)
	case "remove":
		return f.remove(step)
	case "stat":
		return f.stat(step)
	case "list":
		return f.list(step)
	}
	return nil, errno.New(syscall.EINVAL, "unknown operation %s", step.Op)
}

// place is where a path leads, as the kernel is to read it: not cleaned, since a/../b is not b where a is a link.
func (f *Files) place(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return f.Workspace + "/" + path
}

// parentOf is the folder that an absolute path is in, as the kernel reads it: not cleaned either.
func parentOf(place string) string {
	place = strings.TrimRight(place, "/")
	parent := strings.TrimRight(place[:strings.LastIndexByte(place, '/')+1], "/")
	if parent == "" {
		return "/"
	}
	return parent
}

// checkRegular refuses what must be neither read nor written: a FIFO would block, a device do anything.
func checkRegular(info *syscall.Stat_t) error {
	switch info.Mode & syscall.S_IFMT {
	case syscall.S_IFREG:
		return nil
	case syscall.S_IFDIR:
		return syscall.EISDIR
	default:
		return errNotRegular
	}
}

var errNotRegular = &errno.Failure{Code: "EINVAL", Message: "it is not a regular file"}

// explain is the failure of a step on a path.
func explain(err error, verb, path string) error {
	if err == errNotRegular {
		return errno.New(syscall.EINVAL, "cannot %s %s: %s", verb, path, errNotRegular.Message)
	}
	return errno.Wrap(err, "cannot %s %s", verb, path)
}

// openRegular opens a regular file and nothing else: it looks before it opens, since opening alone can block or have
// effects, and again afterwards. perm is the mode of a new file.
func openRegular(place string, flags int, perm uint32) (int, *syscall.Stat_t, error) {
	var info syscall.Stat_t
	if err := syscall.Stat(place, &info); err == nil {
		if err := checkRegular(&info); err != nil {
			return -1, nil, err
		}
	}
	fd, err := open(place, flags|syscall.O_NONBLOCK|syscall.O_NOCTTY, perm)
	if err != nil {
		return -1, nil, err
	}
	if err = syscall.Fstat(fd, &info); err == nil {
		if err = checkRegular(&info); err == nil {
			err = checkNotOurs(fd)
		}
	}
	if err != nil {
		syscall.Close(fd)
		return -1, nil, err
	}
	return fd, &info, nil
}

func open(place string, flags int, perm uint32) (int, error) {
	for {
		fd, err := syscall.Open(place, flags|syscall.O_CLOEXEC, perm)
		if err != syscall.EINTR {
			return fd, err
		}
	}
}

// checkNotOurs refuses the agent's own folder in /proc: /proc/self is PID 1 here, and the kernel lets a process see
// more of itself than of others.
func checkNotOurs(fd int) error {
	const procMagic = 0x9fa0
	var system syscall.Statfs_t
	if err := syscall.Fstatfs(fd, &system); err != nil || system.Type != procMagic {
		return err
	}
	target, err := os.Readlink("/proc/self/fd/" + itoa(fd))
	if err != nil {
		return err
	}
	if own := "/proc/" + itoa(os.Getpid()); target == own || strings.HasPrefix(target, own+"/") {
		return syscall.EACCES
	}
	return nil
}

// Entry describes one file.
type Entry struct {
	Name       string `json:"name"`
	Path       string `json:"path"`
	Type       string `json:"type"`
	Size       int64  `json:"size"`
	Mode       string `json:"mode"`
	ModifiedAt string `json:"modifiedAt"`
	Target     string `json:"target,omitempty"`
}

// describe does not follow a link at the end of the place. path is what the entry calls it.
func describe(place, path string) (Entry, error) {
	var info syscall.Stat_t
	if err := syscall.Lstat(place, &info); err != nil {
		return Entry{}, err
	}
	entry := Entry{
		Name:       filepath.Base(place),
		Path:       path,
		Type:       typeOf(info.Mode),
		Size:       info.Size,
		Mode:       octal(info.Mode & 0o7777),
		ModifiedAt: time.Unix(info.Mtim.Unix()).UTC().Format("2006-01-02T15:04:05.000Z"),
	}
	if entry.Type == "symlink" {
		entry.Target, _ = os.Readlink(place)
	}
	return entry, nil
}

func typeOf(mode uint32) string {
	switch mode & syscall.S_IFMT {
	case syscall.S_IFREG:
		return "file"
	case syscall.S_IFDIR:
		return "directory"
	case syscall.S_IFLNK:
		return "symlink"
	case syscall.S_IFIFO:
		return "fifo"
	case syscall.S_IFSOCK:
		return "socket"
	default:
		return "device"
	}
}
