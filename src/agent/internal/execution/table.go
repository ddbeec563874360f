package execution

import (
	"sync"

	"codebeaker/agent/internal/outlog"
	"codebeaker/agent/internal/plan"
	"codebeaker/agent/internal/process"
)

const (
	maxExecutions = 128
	maxEndedIDs   = 1000
)

// Refusal is why an execution was not started: the payload of START_REFUSED.
type Refusal struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// Table has every execution whose end the worker has not acknowledged, and the ids of those before.
type Table struct {
	machine  *Machine
	listener Listener

	mu           sync.Mutex
	executions   map[string]*Execution
	order        []*Execution
	running      int
	quietThreads uint64 // how many the container had when no program was in it
	endedIDs     map[string]bool
	endedOrder   []string // oldest first
}

// NewTable makes an empty table.
func NewTable(machine *Machine, listener Listener) *Table {
	return &Table{
		machine: machine, listener: listener,
		executions: map[string]*Execution{}, endedIDs: map[string]bool{},
	}
}

// Start begins an execution, unless the id is known. Both results are nil when there is nothing to do.
func (t *Table) Start(id string, text []byte) (*Execution, *Refusal) {
	if id == "" {
		return nil, &Refusal{"invalid", "an execution needs an id"}
	}
	t.mu.Lock()
	_, known := t.executions[id]
	ended, count := t.endedIDs[id], len(t.executions)
	t.mu.Unlock()
	if known {
		return nil, nil
	}
	if ended {
		return nil, &Refusal{"ended", "this execution has ended, and its end is stored"}
	}
	if count >= maxExecutions {
		return nil, &Refusal{"limit", "128 executions run already, or their ends are not stored yet"}
	}
	steps, err := plan.Parse(text)
	if err != nil {
		return nil, &Refusal{"invalid", err.Error()}
	}
	e := &Execution{ID: id, Log: outlog.New(t.machine.Window), table: t, machine: t.machine, listener: t.listener, plan: steps, large: len(text) > largeBytes}
	e.input = newInput(func(offset uint64) { t.listener.InputTaken(e, offset) })
	e.ending = e.newEnding()
	t.add(e)
	return e, nil
}

// Begin lets an execution that Start made run.
func (t *Table) Begin(e *Execution) { go e.carryOut() }

// Get finds an execution by its id; nil when the table has none.
func (t *Table) Get(id string) *Execution {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.executions[id]
}

// All returns the executions in the order of their start.
func (t *Table) All() []*Execution {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]*Execution(nil), t.order...)
}

// Forget drops an execution that has ended, all but its id.
func (t *Table) Forget(e *Execution) {
	if e.End() == nil {
		return
	}
	e.Log.Discard()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.executions[e.ID] != e {
		return
	}
	delete(t.executions, e.ID)
	for i := range t.order {
		if t.order[i] == e {
			t.order = append(t.order[:i], t.order[i+1:]...)
			break
		}
	}
	t.endedIDs[e.ID] = true
	t.endedOrder = append(t.endedOrder, e.ID)
	if len(t.endedOrder) > maxEndedIDs {
		delete(t.endedIDs, t.endedOrder[0])
		t.endedOrder = t.endedOrder[1:]
	}
}

func (t *Table) add(e *Execution) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e.alwaysAlone = t.running == 0 && !t.hasLeftovers()
	e.aloneFrom = process.Now()
	if t.running > 0 {
		for _, other := range t.order {
			other.alwaysAlone, other.aloneFrom = false, process.Never
		}
		e.aloneFrom = process.Never
	}
	t.running++
	t.executions[e.ID] = e
	t.order = append(t.order, e)
}

// ended lets the last one that still runs be alone from now on.
func (t *Table) ended(e *Execution) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running--
	if t.running != 1 {
		return
	}
	for _, other := range t.order {
		if other != e && other.End() == nil {
			other.aloneFrom = process.Now()
		}
	}
}

// hasLeftovers tells whether programs of earlier executions may be in the container; the caller holds the lock. Looking
// for them takes longer than counting: as many threads as when nobody was there are again nobody.
func (t *Table) hasLeftovers() bool {
	count, counted := t.machine.Group.Threads()
	if counted && count == t.quietThreads {
		return false
	}
	if t.machine.Hunter.HasLeftovers() {
		return true
	}
	t.quietThreads = count
	return false
}

func (t *Table) wasAlone(e *Execution) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return e.alwaysAlone
}

func (t *Table) aloneFrom(e *Execution) process.Tick {
	t.mu.Lock()
	defer t.mu.Unlock()
	return e.aloneFrom
}
