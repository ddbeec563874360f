package execution

import (
	"syscall"
	"time"

	"codebeaker/agent/internal/cgroup"
)

// evaded is from how much on the container's counter is believed rather than what the leaders were charged with: below
// it lies what the agent and its launcher use themselves.
const evaded = 10 * time.Millisecond

// meter measures what an execution uses.
type meter struct {
	group    *cgroup.Group
	started  time.Time
	oomKills uint64
	groupCPU time.Duration
	ownCPU   time.Duration

	cpu  time.Duration // of the leaders that ended
	peak int64
}

func startMeter(group *cgroup.Group) *meter {
	m := &meter{group: group, started: time.Now(), oomKills: group.OOMKills(), ownCPU: ownCPU()}
	m.groupCPU, _ = group.CPU()
	return m
}

// add counts what a leader and the children that it waited for have used.
func (m *meter) add(usage *syscall.Rusage) {
	m.cpu += cpuOf(usage)
	m.peak = max(m.peak, usage.Maxrss*1024)
}

// read fills in the end. alone tells that nothing else ran in the container from the start until now: then its counter
// also has what a double fork hid from the leader's usage.
func (m *meter) read(end *End, alone func() bool) {
	cpu := m.cpu
	if groupCPU, ok := m.group.CPU(); ok {
		all := groupCPU - m.groupCPU - (ownCPU() - m.ownCPU)
		if all-cpu > evaded && alone() {
			cpu = all
		}
	}
	end.WallMs = ms(time.Since(m.started))
	end.CPUMs = ms(cpu)
	end.OOMKills = m.group.OOMKills() - m.oomKills
	end.PeakBytes = m.peak
	// A leader is charged with the largest process that it waited for. When the limit was hit, what counted was the sum of
	// all, and how much that was the container knows.
	if peak, ok := m.group.PeakMemory(); ok && end.OOMKills > 0 {
		end.PeakBytes = max(m.peak, int64(peak))
	}
}

func ownCPU() time.Duration {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return cpuOf(&usage)
}

func cpuOf(usage *syscall.Rusage) time.Duration {
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func ms(d time.Duration) float64 {
	return float64(d.Microseconds()) / 1000
}
