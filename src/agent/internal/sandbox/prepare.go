package sandbox

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// Folder is a small tmpfs of root's. The image's /etc/passwd and /etc/group link into it.
const Folder = "/run/codebeaker"

// SocketPath is where later connections reach PID 1.
const SocketPath = Folder + "/agent/socket"

// WriteUsers names the two users, so that whoami and ~ work. To be called as root.
func WriteUsers(folder string, id Identity) error {
	passwd := fmt.Sprintf(`root:x:0:0:root:/root:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
sandbox:x:%[1]d:%[1]d:sandbox:/workspace:/bin/bash
agent:x:%[2]d:%[2]d:CodeBeaker agent:/:/usr/sbin/nologin
`, id.Sandbox, id.Agent)
	group := fmt.Sprintf(`root:x:0:
tty:x:5:
nogroup:x:65534:
sandbox:x:%[1]d:
agent:x:%[2]d:
`, id.Sandbox, id.Agent)
	if err := os.WriteFile(filepath.Join(folder, "passwd"), []byte(passwd), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "group"), []byte(group), 0o644)
}

// Listen makes the socket at path, in a folder made for it. To be called as root, without the right to change owners:
// root makes the folder for the agent's group, the socket is made with the agent's file system ids and so is the agent's
// alone, and then root takes the group's right away again. So nobody can put anything else in its place; a peer needs
// only its uid to match, since Docker gives an exec with a bare uid whatever group it likes.
func Listen(path string, id Identity) (*net.UnixListener, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	folder := filepath.Dir(path)
	const root = 0
	defer setFileIDs(root)

	syscall.RawSyscall(syscall.SYS_SETFSGID, uintptr(id.Agent), 0, 0)
	if err := os.Mkdir(folder, 0o770); err != nil {
		return nil, err
	}
	if err := os.Chmod(folder, 0o770); err != nil {
		return nil, err
	}
	setFileIDs(id.Agent)
	mask := syscall.Umask(0o177)
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	syscall.Umask(mask)
	if err != nil {
		return nil, err
	}
	setFileIDs(root)
	return listener, os.Chmod(folder, 0o711)
}

// PeerUID is the uid of the process at the other end, as the kernel noted it when it connected.
func PeerUID(conn *net.UnixConn) (int, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var peer *syscall.Ucred
	var failure error
	err = raw.Control(func(fd uintptr) {
		peer, failure = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err == nil {
		err = failure
	}
	if err != nil {
		return 0, err
	}
	return int(peer.Uid), nil
}
