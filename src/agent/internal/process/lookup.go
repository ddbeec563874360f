package process

import (
	"path/filepath"
	"strings"
	"syscall"
	"unsafe"
)

const (
	sysFaccessat2 = 439
	atEACCESS     = 0x200
	executable    = 1
)

// defaultPath is searched where the program's environment has no PATH.
const defaultPath = "/usr/local/bin:/usr/bin:/bin"

// lookUp finds a program as execvp does: a name with a slash is a path, any other is searched in path. A found file that
// may not be executed is reported (EACCES) only when no other is found. To be called as the sandbox user.
func lookUp(program, path, cwd string) (string, error) {
	if strings.Contains(program, "/") {
		return program, nil
	}
	failure := syscall.ENOENT
	for _, folder := range strings.Split(path, ":") {
		candidate := filepath.Join(cwd, folder, program)
		if filepath.IsAbs(folder) {
			candidate = folder + "/" + program
		}
		var info syscall.Stat_t
		err := syscall.Stat(candidate, &info)
		if err == syscall.EACCES {
			failure = syscall.EACCES
		}
		if err != nil {
			continue
		}
		if info.Mode&syscall.S_IFMT == syscall.S_IFREG && mayExecute(candidate, info.Mode) {
			return candidate, nil
		}
		failure = syscall.EACCES
	}
	return "", failure
}

// mayExecute asks the kernel for the thread's file system uid; where it does not know that question, any x bit will do
// and the exec itself reports the rest.
func mayExecute(path string, mode uint32) bool {
	text, err := syscall.BytePtrFromString(path)
	if err != nil {
		return false
	}
	const atFdcwd = -100
	cwd := atFdcwd
	_, _, errno := syscall.Syscall6(sysFaccessat2, uintptr(cwd), uintptr(unsafe.Pointer(text)), executable, atEACCESS, 0, 0)
	if errno == syscall.ENOSYS {
		return mode&0o111 != 0
	}
	return errno == 0
}

// pathOf is the PATH of an environment.
func pathOf(env []string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(env[i], "PATH="); ok {
			return value
		}
	}
	return defaultPath
}
