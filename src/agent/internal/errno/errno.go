// Package errno turns errors of the operating system into what END frames carry: a code and a sentence for people.
package errno

import (
	"errors"
	"fmt"
	"syscall"
)

// Failure is why a step could not be carried out.
type Failure struct {
	Code    string
	Message string
}

func (f *Failure) Error() string { return f.Message }

// New makes a Failure of a code of our own choice.
func New(code syscall.Errno, format string, args ...any) *Failure {
	return &Failure{Name(code), fmt.Sprintf(format, args...)}
}

// Wrap makes a Failure of err: what was tried, then the operating system's reason. A Failure stays as it is.
func Wrap(err error, format string, args ...any) *Failure {
	var known *Failure
	if errors.As(err, &known) {
		return known
	}
	tried := fmt.Sprintf(format, args...)
	var code syscall.Errno
	if errors.As(err, &code) {
		return &Failure{Name(code), tried + ": " + code.Error()}
	}
	return &Failure{Name(syscall.EIO), tried + ": " + err.Error()}
}

// Name is the symbol of an error number, as errno.h has it.
func Name(code syscall.Errno) string {
	if name, ok := names[code]; ok {
		return name
	}
	return fmt.Sprintf("E%d", int(code))
}

var names = map[syscall.Errno]string{
	syscall.E2BIG: "E2BIG", syscall.EACCES: "EACCES", syscall.EAGAIN: "EAGAIN", syscall.EBADF: "EBADF",
	syscall.EBUSY: "EBUSY", syscall.EDQUOT: "EDQUOT", syscall.EEXIST: "EEXIST", syscall.EFAULT: "EFAULT",
	syscall.EFBIG: "EFBIG", syscall.EINTR: "EINTR", syscall.EINVAL: "EINVAL", syscall.EIO: "EIO",
	syscall.EISDIR: "EISDIR", syscall.ELIBBAD: "ELIBBAD", syscall.ELOOP: "ELOOP", syscall.EMFILE: "EMFILE",
	syscall.EMLINK: "EMLINK", syscall.ENAMETOOLONG: "ENAMETOOLONG", syscall.ENFILE: "ENFILE",
	syscall.ENODEV: "ENODEV", syscall.ENOENT: "ENOENT", syscall.ENOEXEC: "ENOEXEC", syscall.ENOMEM: "ENOMEM",
	syscall.ENOSPC: "ENOSPC", syscall.ENOSYS: "ENOSYS", syscall.ENOTDIR: "ENOTDIR", syscall.ENOTEMPTY: "ENOTEMPTY",
	syscall.ENOTSUP: "ENOTSUP", syscall.ENXIO: "ENXIO", syscall.EOVERFLOW: "EOVERFLOW", syscall.EPERM: "EPERM",
	syscall.EPIPE: "EPIPE", syscall.EROFS: "EROFS", syscall.ESRCH: "ESRCH", syscall.ETIMEDOUT: "ETIMEDOUT",
	syscall.ETXTBSY: "ETXTBSY", syscall.EXDEV: "EXDEV",
}
