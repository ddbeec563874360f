package execution

import (
	"errors"
	"sync"
	"syscall"

	"codebeaker/agent/internal/errno"
	"codebeaker/agent/internal/outlog"
	"codebeaker/agent/internal/plan"
	"codebeaker/agent/internal/process"
)

const (
	stdout = 1
	stderr = 2
)

// outcome is what came of one step.
type outcome struct {
	result      any           // of an operation on files
	exit        *process.Exit // of a program
	err         error         // it could not be carried out
	interrupted bool          // by a deadline or a cancel
}

// addTo puts the outcome into the end; false when the plan does not go on.
func (o outcome) addTo(end *End, index int, step *plan.Step) bool {
	if o.interrupted && o.exit == nil && (o.err != nil || step.IsRun()) {
		return false // it was ended, it did not fail
	}
	if o.err != nil {
		failure := errno.Wrap(o.err, "cannot %s", step.Op)
		end.Failure = &Failure{Step: index, Op: step.Op, Code: failure.Code, Message: failure.Message}
		return false
	}
	if o.exit == nil {
		end.Result = o.result
		return true
	}
	end.ExitCode, end.Signal = nil, nil
	status := o.exit.Status
	if status.Signaled() {
		name := process.SignalName(status.Signal())
		end.Signal = &name
		return false
	}
	code := status.ExitStatus()
	end.ExitCode = &code
	return code == 0
}

// run starts a program and stays with it until its end, and that of its streams.
func (e *Execution) run(step *plan.Step, meter *meter) outcome {
	program, err := e.launch(step)
	if errors.Is(err, process.ErrAbandoned) {
		return outcome{interrupted: true}
	}
	if err != nil {
		if errors.Is(err, process.ErrLauncherDied) || errors.Is(err, process.ErrStopped) {
			// How far it came is not known: whatever there is of it must go.
			e.machine.Hunter.Kill(e.lineage, func() bool { return false })
			code := syscall.EAGAIN
			if errors.Is(err, process.ErrLauncherDied) {
				code = syscall.ENOMEM
			}
			err = errno.New(code, "cannot run %s: %v", step.Argv[0], err)
		}
		return outcome{err: err, interrupted: e.currentEnding().isRequested()}
	}
	streams, read := e.readOutput(program)
	if program.Stdin != nil {
		var data []byte
		open := false
		if step.Stdin != nil {
			data, open = step.Stdin.Bytes(), step.Stdin.Open
		}
		e.input.attach(program.Stdin)
		go e.input.serve(program.Stdin, data, open, step.Pty != nil)
	}

	exit := <-program.Ended
	e.leaderEnded()
	e.currentEnding().wait()
	for _, stream := range streams {
		stream.ProgramEnded()
	}
	read.Wait()
	if program.Stdin != nil {
		e.input.detach(program.Stdin)
	}
	e.mu.Lock()
	e.program = nil
	e.mu.Unlock()
	meter.add(&exit.Usage)
	return outcome{exit: &exit}
}

// launch starts the program, so that an ending that is requested meanwhile does not miss it.
func (e *Execution) launch(step *plan.Step) (*process.Program, error) {
	spec := process.Spec{
		Argv: step.Argv, Env: step.Env, Cwd: step.Cwd, ID: e.ID, Stdin: step.Stdin != nil,
		Abandoned: e.currentEnding().isRequested,
	}
	e.mu.Lock()
	e.launching = true
	if step.Pty != nil {
		spec.Terminal = &process.Size{Columns: step.Pty.Columns, Rows: step.Pty.Rows}
		if e.size != nil {
			spec.Terminal = e.size
		}
	}
	e.mu.Unlock()
	program, err := e.machine.Starter.Start(spec)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.program, e.launching = program, false
	if program != nil && e.first == 0 {
		e.first = program.Pid
	}
	return program, err
}

func (e *Execution) readOutput(program *process.Program) ([]*outlog.Stream, *sync.WaitGroup) {
	grown := func() { e.listener.Grown(e) }
	streams := []*outlog.Stream{outlog.NewStream(e.Log, stdout, program.Stdout, grown)}
	if program.Stderr != nil {
		streams = append(streams, outlog.NewStream(e.Log, stderr, program.Stderr, grown))
	}
	read := &sync.WaitGroup{}
	for _, stream := range streams {
		read.Add(1)
		go func() {
			defer read.Done()
			stream.Run()
		}()
	}
	return streams, read
}

// leaderEnded forgets the leader's pid, which may soon be another process's.
func (e *Execution) leaderEnded() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.program != nil {
		e.program.Pid = 0
	}
}
