package cgroup

import (
	"testing"
	"time"
)

const (
	id           = "4da347764cc19102154057f5a092ac2afefd969cae8f0f116ddda2399d948a91"
	v1Membership = "4:memory:/docker/" + id + "\n2:cpuacct:/docker/" + id + "\n1:cpu:/docker/" + id + "\n0::/docker/" + id + "\n"
)

// The files were recorded in containers with a limit of 64 MiB in which one program had gone over it: version 1 on Engine
// 20.10 and Linux 6.18; version 2 on Engine 26.1 and Linux 6.1, with a private control group namespace and with the host's.
// The systemd driver's paths and the hybrid layouts are made of these.
func TestCounters(t *testing.T) {
	const limit = 64 << 20
	for _, c := range []struct {
		folder, membership string
		oomKills           uint64
		cpu                time.Duration
		threads, peak      uint64
	}{
		{"v1", v1Membership, 1, 1201818593, 3, limit},
		{"v2", "0::/\n", 1, 4350000 * time.Microsecond, 3, limit},
		{"v2-without-peak", "0::/\n", 1, 4350000 * time.Microsecond, 3, 0},
		{"host-v2-cgroupfs", "0::/docker/" + id + "\n", 1, 4270000 * time.Microsecond, 3, limit},
		{"host-v2-systemd", "0::/system.slice/docker-" + id + ".scope\n", 1, 4270000 * time.Microsecond, 3, limit},
		// The container's own group can't be found, and the machine's counters are not the container's.
		{"host-v2-systemd", "0::/../other\n", 0, 0, 0, 0},
		{"host-v2-systemd", "", 0, 0, 0, 0},
		{"hybrid", v1Membership, 1, 1201818593, 0, limit},
		{"hybrid-split", v1Membership, 1, 4270000 * time.Microsecond, 3, limit},
		{"old-v1", v1Membership, 0, 0, 0, 0},
		{"none", "", 0, 0, 0, 0},
		{"missing", "\x00:\n", 0, 0, 0, 0},
	} {
		t.Run(c.folder, func(t *testing.T) {
			group := Open("testdata/"+c.folder, c.membership)
			cpu, hasCPU := group.CPU()
			if kills := group.OOMKills(); kills != c.oomKills || cpu != c.cpu || hasCPU != (c.cpu > 0) {
				t.Errorf("%d kills, %v of CPU (%v)", kills, cpu, hasCPU)
			}
			if threads, ok := group.Threads(); threads != c.threads || ok != (c.threads > 0) {
				t.Errorf("%d threads (%v)", threads, ok)
			}
			if peak, ok := group.PeakMemory(); peak != c.peak || ok != (c.peak > 0) {
				t.Errorf("a peak of %d bytes (%v)", peak, ok)
			}
		})
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text, key string
		want      uint64
		ok        bool
	}{
		{"12\n", "", 12, true},
		{"", "", 0, false},
		{"x", "", 0, false},
		{"oom 1\noom_kill 5\n", "oom_kill", 5, true},
		{"oom_kill_disable 0\n", "oom_kill", 0, false},
		{"oom_kill x\n", "oom_kill", 0, false},
	} {
		if got, ok := parse([]byte(c.text), c.key); got != c.want || ok != c.ok {
			t.Errorf("%q: %d %v", c.text, got, ok)
		}
	}
}
