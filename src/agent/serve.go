package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"codebeaker/agent/internal/cgroup"
	"codebeaker/agent/internal/execution"
	"codebeaker/agent/internal/outlog"
	"codebeaker/agent/internal/process"
	"codebeaker/agent/internal/sandbox"
	"codebeaker/agent/internal/server"
)

const (
	workspace = "/workspace"
	fileSlots = 4
	// lifetimeSlack is how much longer than the session may live its container does, for the worker to end it first.
	lifetimeSlack = time.Minute
	// longestSilence is how long no worker may speak.
	longestSilence = 10 * time.Minute
)

type options struct {
	identity    sandbox.Identity
	maxLifetime time.Duration
}

func parseOptions(args []string) (options, error) {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	sandboxUID := flags.Int("sandbox-uid", 0, "")
	agentUID := flags.Int("agent-uid", 0, "")
	seconds := flags.Int("max-lifetime-seconds", 0, "")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if *sandboxUID <= 0 || *agentUID <= 0 || *sandboxUID == *agentUID || *seconds <= 0 || flags.NArg() > 0 {
		return options{}, fmt.Errorf("serve needs --sandbox-uid and --agent-uid, two uids above 0, and --max-lifetime-seconds")
	}
	return options{sandbox.Identity{Sandbox: *sandboxUID, Agent: *agentUID}, time.Duration(*seconds) * time.Second}, nil
}

// serve is PID 1. As long as it is root it makes what only root can; then it is root no more, and only then reads a frame.
func serve(args []string) error {
	options, err := parseOptions(args)
	if err != nil {
		return err
	}
	if os.Getuid() != 0 {
		return fmt.Errorf("serve must be started as root, to give that up itself")
	}
	if err := sandbox.CoarseTimers(); err != nil {
		return err
	}
	identity := options.identity
	handleSignals()
	syscall.Umask(0o022)
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	if err := sandbox.WriteUsers(sandbox.Folder, identity); err != nil {
		return err
	}
	listener, err := sandbox.Listen(sandbox.SocketPath, identity)
	if err != nil {
		return fmt.Errorf("the socket for later connections: %w", err)
	}
	if err := sandbox.BecomeAgent(identity.Agent); err != nil {
		return fmt.Errorf("root can't be given up: %w", err)
	}
	if err := identity.Check(); err != nil {
		return err
	}
	first, err := takeStdio()
	if err != nil {
		return err
	}
	beSmall()

	reaper := process.NewReaper()
	go reaper.Run()
	launcher, err := process.NewLauncher(executable, identity, reaper)
	if err != nil {
		return fmt.Errorf("the launcher can't be started: %w", err)
	}
	agent := server.New(&execution.Machine{
		Identity:  identity,
		Starter:   &process.Starter{Identity: identity, Launcher: launcher, Workspace: workspace, Env: os.Environ()},
		Hunter:    &process.Hunter{Identity: identity},
		Group:     openGroup(),
		Window:    outlog.NewWindow(),
		Workspace: workspace,
		FileSlots: make(chan struct{}, fileSlots),
	})
	go agent.Serve(first)
	go agent.Accept(listener, identity.Agent)
	return waitForDeath(agent, options.maxLifetime)
}

// handleSignals catches what would end PID 1 or be handed on as ignored: a write into a broken pipe, a file that grows
// over the limit, and Docker's SIGTERM, at which everything ends.
func handleSignals() {
	caught := make(chan os.Signal, 16)
	signal.Notify(caught, syscall.SIGPIPE, syscall.SIGXFSZ, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		for s := range caught {
			if s == syscall.SIGTERM {
				os.Exit(0)
			}
		}
	}()
}

// beSmall keeps the memory small, and makes threads now: when the container is full of processes there may be no room
// for one more, and a Go program that can't make a thread dies.
func beSmall() {
	const threads = 4
	debug.SetGCPercent(50)
	runtime.GOMAXPROCS(2)
	started := make(chan struct{})
	release := make(chan struct{})
	for range threads {
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			started <- struct{}{}
			<-release
		}()
	}
	for range threads {
		<-started
	}
	close(release)
}

func openGroup() *cgroup.Group {
	membership, _ := os.ReadFile("/proc/self/cgroup")
	return cgroup.Open("/sys/fs/cgroup", string(membership))
}

// waitForDeath is the dead man's switch: a container that nobody looks after ends itself.
func waitForDeath(agent *server.Server, maxLifetime time.Duration) error {
	const look = 5 * time.Second
	end := time.Now().Add(maxLifetime + lifetimeSlack)
	for {
		time.Sleep(look)
		if time.Now().After(end) {
			return fmt.Errorf("the session is past its lifetime")
		}
		if agent.SilentFor() > longestSilence {
			return fmt.Errorf("no worker has spoken for %v", longestSilence)
		}
	}
}
