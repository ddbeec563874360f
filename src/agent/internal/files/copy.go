package files

import (
	"os"
	"syscall"

	"codebeaker/agent/internal/errno"
	"codebeaker/agent/internal/plan"
)

// Copied is the result of a copy.
type Copied struct {
	Source      string `json:"source"`
	Destination string `json:"destination"`
	Bytes       int64  `json:"bytes"`
}

func (f *Files) copy(step *plan.Step) (any, error) {
	source, destination := f.place(step.Source), f.place(step.Destination)
	var info syscall.Stat_t
	if err := syscall.Stat(source, &info); err != nil {
		return nil, explain(err, "copy", step.Source)
	}
	if info.Mode&syscall.S_IFMT == syscall.S_IFDIR && !step.IsRecursive() {
		return nil, errno.New(syscall.EISDIR, "cannot copy %s: it is a folder, and recursive is not set", step.Source)
	}
	if _, err := makeFolders(parentOf(destination)); err != nil {
		return nil, explain(err, "write", step.Destination)
	}
	c := copier{overwrite: step.MayOverwrite(), files: f}
	if err := c.copy(source, destination, info.Mode); err != nil {
		return nil, explain(err, "copy "+step.Source+" to", step.Destination)
	}
	return Copied{step.Source, step.Destination, c.bytes}, nil
}

// copier copies files, folders and links; it refuses anything else.
type copier struct {
	overwrite bool
	files     *Files
	bytes     int64
	// The folder that is copied into: when it lies in the folder that is copied, it is not copied into itself.
	root    fileID
	hasRoot bool
	buffer  []byte
}

// fileID tells files apart, whatever they are called.
type fileID struct{ device, inode uint64 }

func identify(place string) (fileID, bool) {
	var info syscall.Stat_t
	err := syscall.Stat(place, &info)
	return fileID{uint64(info.Dev), info.Ino}, err == nil
}

func (c *copier) copy(source, destination string, mode uint32) error {
	if c.files.Interrupted() {
		return syscall.EINTR
	}
	switch mode & syscall.S_IFMT {
	case syscall.S_IFDIR:
		return c.folder(source, destination, mode)
	case syscall.S_IFLNK:
		return c.link(source, destination)
	case syscall.S_IFREG:
		return c.file(source, destination)
	default:
		return errNotRegular
	}
}

func (c *copier) folder(source, destination string, mode uint32) error {
	created, err := makeFolders(destination)
	if err != nil {
		return err
	}
	if !created && !c.overwrite && !c.hasRoot {
		return syscall.EEXIST
	}
	if !c.hasRoot {
		c.root, c.hasRoot = identify(destination)
		if own, ok := identify(source); ok && own == c.root {
			return errno.New(syscall.EINVAL, "cannot copy %s onto itself", source)
		}
	}
	fd, err := open(source, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	folder := os.NewFile(uintptr(fd), source)
	names, err := folder.Readdirnames(-1)
	folder.Close()
	if err != nil {
		return err
	}
	for _, name := range names {
		from, to := source+"/"+name, destination+"/"+name
		var info syscall.Stat_t
		if err := syscall.Lstat(from, &info); err != nil {
			return err
		}
		if (fileID{uint64(info.Dev), info.Ino}) == c.root {
			continue
		}
		if err := c.copy(from, to, info.Mode); err != nil {
			return err
		}
	}
	if created {
		return syscall.Chmod(destination, mode&0o7777)
	}
	return nil
}

func (c *copier) link(source, destination string) error {
	target, err := os.Readlink(source)
	if err != nil {
		return err
	}
	err = syscall.Symlink(target, destination)
	if err == syscall.EEXIST && c.overwrite {
		if err := syscall.Unlink(destination); err != nil {
			return err
		}
		err = syscall.Symlink(target, destination)
	}
	return err
}

func (c *copier) file(source, destination string) error {
	from, info, err := openRegular(source, syscall.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(from)
	if same, ok := identify(destination); ok && same == (fileID{uint64(info.Dev), info.Ino}) {
		return errno.New(syscall.EINVAL, "cannot copy %s onto itself", source)
	}
	flags := syscall.O_WRONLY | syscall.O_CREAT
	if !c.overwrite {
		flags |= syscall.O_EXCL
	}
	to, err := createRegular(destination, flags)
	if err != nil {
		return err
	}
	defer syscall.Close(to)
	if err := syscall.Ftruncate(to, 0); err != nil {
		return err
	}
	if err := c.content(from, to); err != nil {
		return err
	}
	// The mode of a file of somebody else stays as it is.
	syscall.Fchmod(to, info.Mode&0o777)
	return nil
}

func (c *copier) content(from, to int) error {
	if c.buffer == nil {
		c.buffer = make([]byte, 64<<10)
	}
	for {
		n, err := syscall.Read(from, c.buffer)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		if c.files.Interrupted() {
			return syscall.EINTR
		}
		if err := writeAll(to, c.buffer[:n], -1); err != nil {
			return err
		}
		c.bytes += int64(n)
	}
}
