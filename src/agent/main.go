// Command agent is PID 1 of every session container: it runs what the worker asks for, as another user than itself.
// docs/agent-protocol.md is its contract.
package main

import (
	"fmt"
	"os"
	"runtime"

	"codebeaker/agent/internal/process"
	"codebeaker/agent/internal/relay"
	"codebeaker/agent/internal/sandbox"
)

func main() {
	if err := command(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "agent:", err)
		os.Exit(1)
	}
}

func command(args []string) error {
	switch {
	case len(args) > 0 && args[0] == "serve":
		return serve(args[1:])
	case len(args) == 1 && args[0] == "connect":
		runtime.GOMAXPROCS(1)
		return relay.Run(sandbox.SocketPath)
	case len(args) == 2 && args[0] == process.LauncherCommand:
		return process.LauncherMain(args[1])
	default:
		return fmt.Errorf("usage: agent serve --sandbox-uid N --agent-uid N --max-lifetime-seconds N | agent connect")
	}
}
