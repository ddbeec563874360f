package process

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"codebeaker/agent/internal/sandbox"
)

// LauncherCommand is the first argument of the agent's executable when it is to be the launcher.
const LauncherCommand = "launcher"

// launcherSocket is the descriptor on which the launcher gets its orders.
const launcherSocket = 3

// maxOrderFiles is how many descriptors come with an order.
const maxOrderFiles = 3

// LauncherMain is the process that forks, so that PID 1 need not: between fork and exec the new process already has the
// sandbox uid, and a program that stops or kills all it can reach in that moment holds up whoever forked it. Its children
// are made children of PID 1 (CLONE_PARENT). It carries out one order at a time, and ends when PID 1 closes the socket.
func LauncherMain(sandboxUID string) error {
	uid, err := strconv.Atoi(sandboxUID)
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	sandbox.FineTimers()
	score, _ := os.OpenFile("/proc/self/oom_score_adj", os.O_RDWR, 0)
	if err := sandbox.HandOnNothing(); err != nil {
		return err
	}
	syscall.CloseOnExec(launcherSocket)
	l := launcherProcess{uid: uint32(uid), score: score}
	for {
		o, files, err := l.receive()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		result := l.start(o, files)
		for _, fd := range files {
			syscall.Close(fd)
		}
		_, err = syscall.Write(launcherSocket, result.encode())
		l.setScore("0")
		if err != nil {
			return err
		}
	}
}

type launcherProcess struct {
	uid    uint32
	score  *os.File
	buffer [16 << 10]byte
	oob    [128]byte
}

// receive waits for an order and the files that come with its first bytes.
func (l *launcherProcess) receive() (*order, []int, error) {
	n, oobn, err := l.receiveMessage()
	if err != nil {
		return nil, nil, err
	}
	if n == 0 {
		return nil, nil, io.EOF
	}
	files, err := descriptors(l.oob[:oobn])
	if err != nil {
		return nil, nil, err
	}
	for n < 4 {
		more, err := readSome(l.buffer[n:])
		if err != nil {
			return nil, nil, err
		}
		n += more
	}
	length, _, _ := cutLength(l.buffer[:n])
	text := l.buffer[4:n]
	if length > len(text) {
		whole := make([]byte, length)
		for got := copy(whole, text); got < length; {
			more, err := readSome(whole[got:])
			if err != nil {
				return nil, nil, err
			}
			got += more
		}
		text = whole
	}
	o, err := decodeOrder(text)
	return o, files, err
}

func (l *launcherProcess) receiveMessage() (n, oobn int, err error) {
	for {
		n, oobn, _, _, err = syscall.Recvmsg(launcherSocket, l.buffer[:], l.oob[:], syscall.MSG_CMSG_CLOEXEC)
		if err != syscall.EINTR {
			return n, oobn, err
		}
	}
}

func readSome(buf []byte) (int, error) {
	for {
		n, err := syscall.Read(launcherSocket, buf)
		if err == syscall.EINTR {
			continue
		}
		if err == nil && n == 0 {
			err = io.ErrUnexpectedEOF
		}
		return n, err
	}
}

func descriptors(oob []byte) ([]int, error) {
	messages, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	var all []int
	for i := range messages {
		fds, err := syscall.ParseUnixRights(&messages[i])
		if err != nil {
			return nil, err
		}
		all = append(all, fds...)
	}
	if len(all) != maxOrderFiles {
		return nil, fmt.Errorf("an order with %d files", len(all))
	}
	return all, nil
}

// start forks and executes. The child is born with the programs' oom_score_adj, since it can't be given one later: by
// then it may have children of its own.
func (l *launcherProcess) start(o *order, files []int) answer {
	attributes := &syscall.ProcAttr{
		Dir:   o.cwd,
		Env:   o.env,
		Files: []uintptr{uintptr(files[0]), uintptr(files[1]), uintptr(files[2])},
		Sys: &syscall.SysProcAttr{
			Credential: &syscall.Credential{Uid: l.uid, Gid: l.uid},
			Cloneflags: syscall.CLONE_PARENT,
			Setsid:     true,
			Setctty:    o.terminal,
		},
	}
	l.setScore("300")
	pid, err := syscall.ForkExec(o.path, o.argv, attributes)
	if errno, ok := err.(syscall.Errno); ok {
		return answer{errno: int(errno)}
	}
	if err != nil {
		return answer{errno: int(syscall.EIO)}
	}
	return answer{pid: pid}
}

func (l *launcherProcess) setScore(score string) {
	if l.score != nil {
		l.score.WriteAt([]byte(score), 0)
	}
}
