// Package agenttest makes an agent out of a test's process, for tests that run real programs. It needs root, to become
// the sandbox user; nothing of the agent knows that it is being tested.
package agenttest

import (
	"os"
	"sync"
	"syscall"
	"testing"

	"codebeaker/agent/internal/cgroup"
	"codebeaker/agent/internal/execution"
	"codebeaker/agent/internal/outlog"
	"codebeaker/agent/internal/process"
	"codebeaker/agent/internal/sandbox"
)

// sandboxUID is nobody else's on a machine that runs tests.
const sandboxUID = 1_654_321

// Main is the TestMain of a package that uses Machine: the test's executable is its own launcher.
func Main(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == process.LauncherCommand {
		if err := process.LauncherMain(os.Args[2]); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// starter is shared by the tests of a process: there is one reaper to a process.
var starter = sync.OnceValues(func() (*process.Launcher, error) {
	const prSetChildSubreaper = 36 // orphans become our children, as they become PID 1's
	syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0)
	executable, err := os.Executable()
	if err != nil {
		return nil, err
	}
	reaper := process.NewReaper()
	go reaper.Run()
	return process.NewLauncher(executable, identity(), reaper)
})

func identity() sandbox.Identity {
	return sandbox.Identity{Sandbox: sandboxUID, Agent: os.Getuid()}
}

// Machine is a machine whose workspace is a new folder.
func Machine(t *testing.T) *execution.Machine {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can run programs as somebody else")
	}
	launcher, err := starter()
	if err != nil {
		t.Fatal(err)
	}
	workspace, err := os.MkdirTemp("", "workspace")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(workspace) })
	if err := os.Chown(workspace, sandboxUID, sandboxUID); err != nil {
		t.Fatal(err)
	}
	return &execution.Machine{
		Identity: identity(),
		Starter: &process.Starter{
			Identity: identity(), Launcher: launcher, Workspace: workspace,
			Env: []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + workspace},
		},
		Hunter:    &process.Hunter{Identity: identity()},
		Group:     cgroup.Open("/sys/fs/cgroup", ""),
		Window:    outlog.NewWindow(),
		Workspace: workspace,
		FileSlots: make(chan struct{}, 2),
	}
}
