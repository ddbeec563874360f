package process

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"codebeaker/agent/internal/errno"
	"codebeaker/agent/internal/sandbox"
)

// Spec is a program to run.
type Spec struct {
	Argv     []string
	Env      map[string]string // added to that of the image
	Cwd      string            // relative to the workspace
	ID       string            // of the execution, for the marker
	Stdin    bool              // a pipe; else /dev/null
	Terminal *Size             // a terminal in place of all three streams

	// Abandoned is asked when the program's turn has come: it may no longer be wanted.
	Abandoned func() bool
}

// Program is a running program and our ends of its streams. With a terminal Stdin and Stdout are the same file, and
// Stderr is nil.
type Program struct {
	Pid    int
	Ended  <-chan Exit
	Stdin  *os.File
	Stdout *os.File
	Stderr *os.File
}

// Starter starts programs as the sandbox user.
type Starter struct {
	Identity  sandbox.Identity
	Launcher  *Launcher
	Workspace string
	Env       []string // of the image
}

// Start runs a program. Its failure says truthfully that the program could not be started, and why.
func (s *Starter) Start(spec Spec) (*Program, error) {
	o := &order{
		argv:     spec.Argv,
		env:      s.environment(spec),
		cwd:      spec.Cwd,
		terminal: spec.Terminal != nil,
	}
	if !filepath.IsAbs(o.cwd) {
		o.cwd = filepath.Join(s.Workspace, o.cwd)
	}
	var streams streams
	defer streams.closeTheirs()
	err := s.Identity.Do(func() error {
		if err := checkFolder(o.cwd); err != nil {
			return errno.Wrap(err, "cannot run %s in the folder %s", spec.Argv[0], o.cwd)
		}
		path, err := lookUp(spec.Argv[0], pathOf(o.env), o.cwd)
		if err != nil {
			return errno.Wrap(err, "cannot run %s", spec.Argv[0])
		}
		o.path = path
		// Made as the sandbox user, so that a program can open /dev/stdout again.
		if err := streams.open(spec); err != nil {
			return errno.Wrap(err, "cannot run %s", spec.Argv[0])
		}
		return nil
	})
	if err != nil {
		streams.closeOurs()
		return nil, err
	}
	pid, ended, err := s.Launcher.launch(o, streams.theirs, spec.Abandoned)
	if err != nil {
		streams.closeOurs()
		return nil, s.explain(err, spec.Argv[0], o)
	}
	return &Program{pid, ended, streams.stdin, streams.stdout, streams.stderr}, nil
}

// explain says why the launch failed, in words for people.
func (s *Starter) explain(err error, program string, o *order) error {
	if errors.Is(err, ErrLauncherDied) || errors.Is(err, ErrStopped) || errors.Is(err, ErrAbandoned) {
		return err
	}
	failure := errno.Wrap(err, "cannot run %s", program)
	if err == syscall.ENOENT {
		path := o.path
		if !filepath.IsAbs(path) {
			path = filepath.Join(o.cwd, path)
		}
		s.Identity.Do(func() error {
			if _, err := os.Stat(path); err == nil {
				failure.Message += " (the file is there, but the interpreter that it names is not)"
			}
			return nil
		})
	}
	return failure
}

// checkFolder reports why a program can't have the folder as its working directory.
func checkFolder(path string) error {
	var info syscall.Stat_t
	if err := syscall.Stat(path, &info); err != nil {
		return err
	}
	if info.Mode&syscall.S_IFMT != syscall.S_IFDIR {
		return syscall.ENOTDIR
	}
	if !mayExecute(path, info.Mode) {
		return syscall.EACCES
	}
	return nil
}

// environment has every name once: C programs take the first, others the last.
func (s *Starter) environment(spec Spec) []string {
	env := make([]string, 0, len(s.Env)+len(spec.Env)+2)
	env = append(env, MarkerName+"="+spec.ID)
	hasTerm := false
	for _, variable := range s.Env {
		name, _, _ := strings.Cut(variable, "=")
		if _, replaced := spec.Env[name]; replaced || name == MarkerName {
			continue
		}
		hasTerm = hasTerm || name == "TERM"
		env = append(env, variable)
	}
	for name, value := range spec.Env {
		if name != MarkerName {
			env = append(env, name+"="+value)
		}
		hasTerm = hasTerm || name == "TERM"
	}
	if spec.Terminal != nil && !hasTerm {
		env = append(env, "TERM=xterm-256color")
	}
	return env
}

// Resize changes the size of the program's terminal.
func (p *Program) Resize(size Size) {
	if raw, err := p.Stdout.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { resize(int(fd), size) })
	}
}
