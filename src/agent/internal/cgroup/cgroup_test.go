package cgroup

import (
	"testing"
	"time"
)

const (
	v1Membership = "4:memory:/docker/01e1d1e0\n2:cpuacct:/docker/01e1d1e0\n1:cpu:/docker/01e1d1e0\n0::/docker/01e1d1e0\n"
	v2Membership = "0::/\n"
)

// The files are those of containers on Engine 20.10 (version 1) and 26.1 (version 2).
func TestCounters(t *testing.T) {
	for _, c := range []struct {
		folder, membership string
		oomKills           uint64
		cpu                time.Duration
		hasCPU             bool
		threads            uint64
	}{
		{"v1", v1Membership, 3, 30598306, true, 14},
		{"v2", v2Membership, 2, 812345 * time.Microsecond, true, 15},
		{"hybrid", v1Membership, 3, 30598306, true, 0},
		{"host-v2", "0::/system.slice/docker-1.scope\n", 7, 5 * time.Millisecond, true, 0},
		{"old-v1", v1Membership, 0, 0, false, 0},
		{"none", "", 0, 0, false, 0},
		{"missing", "\x00:\n", 0, 0, false, 0},
	} {
		t.Run(c.folder, func(t *testing.T) {
			group := Open("testdata/"+c.folder, c.membership)
			cpu, hasCPU := group.CPU()
			if kills := group.OOMKills(); kills != c.oomKills || cpu != c.cpu || hasCPU != c.hasCPU {
				t.Errorf("%d kills, %v of CPU (%v)", kills, cpu, hasCPU)
			}
			if threads, ok := group.Threads(); threads != c.threads || ok != (c.threads > 0) {
				t.Errorf("%d threads (%v)", threads, ok)
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
