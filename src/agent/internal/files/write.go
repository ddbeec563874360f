package files

import (
	"syscall"

	"codebeaker/agent/internal/errno"
	"codebeaker/agent/internal/plan"
)

// Written is the result of a write.
type Written struct {
	Path  string `json:"path"`
	Bytes int    `json:"bytes"`
}

const (
	fileMode   = 0o666 // less the umask
	folderMode = 0o777
)

func (f *Files) write(step *plan.Step) (any, error) {
	place, bytes := f.place(step.Path), step.Bytes()
	flags := syscall.O_WRONLY | syscall.O_CREAT
	offset := int64(-1)
	switch {
	case step.Mode == "createNew":
		flags |= syscall.O_EXCL
	case step.Mode == "append":
		flags |= syscall.O_APPEND
	case step.Offset != nil:
		offset = *step.Offset
	}
	fd, err := createRegular(place, flags)
	if err != nil {
		return nil, explain(err, "write", step.Path)
	}
	defer syscall.Close(fd)
	// Only now that it is known to be a regular file, and ours to write.
	if flags&(syscall.O_EXCL|syscall.O_APPEND) == 0 && offset < 0 {
		if err := syscall.Ftruncate(fd, 0); err != nil {
			return nil, explain(err, "write", step.Path)
		}
	}
	if err := writeAll(fd, bytes, offset); err != nil {
		return nil, explain(err, "write", step.Path)
	}
	return Written{step.Path, len(bytes)}, nil
}

// createRegular opens a file for writing; where its folder is missing that is made first.
func createRegular(place string, flags int) (int, error) {
	fd, _, err := openRegular(place, flags, fileMode)
	if err != syscall.ENOENT {
		// A FIFO without a reader, or a socket.
		if err == syscall.ENXIO {
			err = errNotRegular
		}
		if err == syscall.EISDIR && flags&syscall.O_EXCL != 0 || err == errNotRegular && flags&syscall.O_EXCL != 0 {
			err = syscall.EEXIST
		}
		return fd, err
	}
	if _, err := makeFolders(parentOf(place)); err != nil {
		return -1, err
	}
	fd, _, err = openRegular(place, flags, fileMode)
	return fd, err
}

// writeAll writes at offset, or where the file stands when it is negative.
func writeAll(fd int, bytes []byte, offset int64) error {
	for len(bytes) > 0 {
		var n int
		var err error
		if offset < 0 {
			n, err = syscall.Write(fd, bytes)
		} else {
			n, err = syscall.Pwrite(fd, bytes, offset)
			offset += int64(max(n, 0))
		}
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		bytes = bytes[n:]
	}
	return nil
}

// makeFolders makes a folder and what it is in; created is false when it was there.
func makeFolders(place string) (created bool, err error) {
	err = syscall.Mkdir(place, folderMode)
	switch err {
	case nil:
		return true, nil
	case syscall.EEXIST, syscall.EROFS, syscall.EACCES:
		// A read-only or foreign place may well hold the folder already.
		if isFolder(place) {
			return false, nil
		}
		if err == syscall.EEXIST {
			return false, errno.New(syscall.EEXIST, "cannot create the folder %s: a file of that name exists", place)
		}
		return false, err
	case syscall.ENOENT:
		parent := parentOf(place)
		if parent == place {
			return false, err
		}
		if _, err := makeFolders(parent); err != nil {
			return false, err
		}
		err = syscall.Mkdir(place, folderMode)
		if err == syscall.EEXIST && isFolder(place) {
			return false, nil
		}
		return err == nil, err
	default:
		return false, err
	}
}

func isFolder(place string) bool {
	var info syscall.Stat_t
	return syscall.Stat(place, &info) == nil && info.Mode&syscall.S_IFMT == syscall.S_IFDIR
}
