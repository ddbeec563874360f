package process

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"codebeaker/agent/internal/sandbox"
)

const (
	// launchPatience is how long at least a program may take from fork to exec before something is done about it.
	launchPatience = 200 * time.Millisecond
	// rescuePatience is for how long it is continued again and again when others stop it.
	rescuePatience = 1800 * time.Millisecond
	// slowPatience is how long it may take when nobody stops it: without memory all is slow.
	slowPatience = 30 * time.Second
	// rescuePause is how long one attempt waits.
	rescuePause = 2 * time.Millisecond
)

var (
	// ErrStopped is the failure of a launch that programs of the session held up.
	ErrStopped = errors.New("it did not start in time, since programs of this session stop every new process or leave no memory")
	// ErrAbandoned is the failure of a launch that nobody wants any more when its turn comes.
	ErrAbandoned = errors.New("the execution was ended before the program was started")
	// ErrLauncherDied is the failure of a launch of which nobody knows how far it came. It is not repeated: nothing runs
	// twice. What it may have started must be ended.
	ErrLauncherDied = errors.New("the agent's launcher was killed, most likely at the memory limit")
)

// Launcher is PID 1's end of the launcher process. One order at a time.
//
//	ready ──order, answer──▶ ready
//	  └──it died, or did not answer even after a rescue──▶ none ──the next order──▶ ready
type Launcher struct {
	executable string
	identity   sandbox.Identity
	reaper     *Reaper

	mu    sync.Mutex // held during an order
	conn  *net.UnixConn
	pid   int
	ended <-chan Exit

	deadline time.Time // of the connection
}

// NewLauncher starts the process; executable is the agent itself.
func NewLauncher(executable string, identity sandbox.Identity, reaper *Reaper) (*Launcher, error) {
	l := &Launcher{executable: executable, identity: identity, reaper: reaper}
	return l, l.start()
}

// launch has an order carried out. The channel gets the program's end.
func (l *Launcher) launch(o *order, files [maxOrderFiles]int, abandoned func() bool) (pid int, ended <-chan Exit, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if abandoned() {
		return 0, nil, ErrAbandoned
	}
	if err := l.ready(); err != nil {
		return 0, nil, fmt.Errorf("the launcher can't be started: %w", err)
	}
	l.reaper.Launching()
	result, err := l.ask(o.encode(), syscall.UnixRights(files[:]...), abandoned)
	ended = l.reaper.Launched(result.pid)
	if err != nil {
		l.stop()
		return 0, nil, err
	}
	if result.errno != 0 {
		return 0, nil, syscall.Errno(result.errno)
	}
	return result.pid, ended, nil
}

// ready starts another launcher when the last one has died since its last order.
func (l *Launcher) ready() error {
	select {
	case <-l.ended:
		l.stop()
	default:
	}
	if l.conn != nil {
		return nil
	}
	return l.start()
}

// renewDeadline gives the exchange at least launchPatience. It is not set anew for every order, since that wakes the
// runtime's poller each time.
func (l *Launcher) renewDeadline() {
	if now := time.Now(); l.deadline.Sub(now) < launchPatience {
		l.deadline = now.Add(5 * launchPatience)
		l.conn.SetDeadline(l.deadline)
	}
}

func (l *Launcher) ask(message, rights []byte, abandoned func() bool) (answer, error) {
	l.renewDeadline()
	n, _, err := l.conn.WriteMsgUnix(message, rights, nil)
	if err == nil && n < len(message) {
		_, err = l.conn.Write(message[n:])
	}
	if err != nil {
		return answer{}, ErrLauncherDied
	}
	var buf [answerBytes]byte
	_, err = io.ReadFull(l.conn, buf[:])
	if errors.Is(err, os.ErrDeadlineExceeded) {
		l.deadline = time.Time{}
		return l.rescue(buf[:], abandoned)
	}
	if err != nil {
		return answer{}, ErrLauncherDied
	}
	return decodeAnswer(buf[:]), nil
}

// rescue continues the process that was stopped between fork and exec until it gets through, and waits for one that is
// only slow. When that does not help, or nobody wants the program any more, it ends the process.
func (l *Launcher) rescue(buf []byte, abandoned func() bool) (answer, error) {
	begin := time.Now()
	var heldUp time.Duration
	for heldUp < rescuePatience && time.Since(begin) < slowPatience && !abandoned() {
		pause := time.Now()
		stopped, found := l.signalUnfinished(syscall.SIGCONT)
		l.conn.SetReadDeadline(pause.Add(rescuePause))
		_, err := io.ReadFull(l.conn, buf)
		if err == nil {
			return decodeAnswer(buf), nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return answer{}, ErrLauncherDied
		}
		if stopped || !found {
			heldUp += time.Since(pause)
		}
	}
	l.signalUnfinished(syscall.SIGKILL)
	return answer{}, ErrStopped
}

// signalUnfinished reaches what the launcher has forked and what has not executed anything yet: children of ours that
// nobody knows, and that still have the agent's name. It tells whether there was any, and whether one was stopped.
func (l *Launcher) signalUnfinished(signal syscall.Signal) (stopped, found bool) {
	self := os.Getpid()
	own, err := readStat(self)
	if err != nil {
		return false, false
	}
	eachProcess(func(pid int) {
		if pid == self || pid == l.pid || l.reaper.Knows(pid) {
			return
		}
		s, err := readStat(pid)
		if err == nil && s.parent == self && s.name == own.name && !s.dead() {
			found = true
			stopped = stopped || s.stopped()
			syscall.Kill(pid, signal)
		}
	})
	return stopped, found
}

// start makes the launcher process. It has the agent's uid from its first instruction, so no program can reach it.
func (l *Launcher) start() error {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "launcher"), os.NewFile(uintptr(pair[1]), "launcher")
	defer theirs.Close()
	defer ours.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		return err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	l.reaper.Launching()
	pid, err := syscall.ForkExec(l.executable,
		[]string{"agent", LauncherCommand, strconv.Itoa(l.identity.Sandbox)},
		&syscall.ProcAttr{
			Env:   []string{"GOMAXPROCS=1", "GOGC=25", "GOTRACEBACK=none"},
			Files: []uintptr{null.Fd(), null.Fd(), null.Fd(), theirs.Fd()},
			Sys:   &syscall.SysProcAttr{AmbientCaps: sandbox.Capabilities, Setsid: true},
		})
	ended := l.reaper.Launched(pid)
	if err != nil {
		conn.Close()
		return err
	}
	l.conn, l.pid, l.ended = conn.(*net.UnixConn), pid, ended
	return nil
}

// Pid is the launcher process; 0 between two.
func (l *Launcher) Pid() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pid
}

// stop gives the launcher up; the next order starts another.
func (l *Launcher) stop() {
	if l.conn != nil {
		l.conn.Close()
		syscall.Kill(l.pid, syscall.SIGKILL)
	}
	l.conn, l.pid, l.ended, l.deadline = nil, 0, nil, time.Time{}
}
