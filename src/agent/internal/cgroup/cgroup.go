// Package cgroup reads the counters of the container's own control group, of version 1, 2 or both at once.
// What a machine does not have reads as zero.
package cgroup

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Group holds the counters' files open: they are read around every execution.
type Group struct {
	mu                sync.Mutex // guards scratch
	oom, cpu, threads *os.File   // regular files: one system call reads them, which os.File would make two
	peak              *os.File
	oomKey, cpuKey    string
	cpuUnit           time.Duration
	scratch           [4096]byte
}

// counter is one place where a counter may be found.
type counter struct {
	controller string // version 1: the name in /proc/self/cgroup; empty for version 2
	folders    []string
	file       string
	key        string // the line's first word; empty where the file is one number
	unit       time.Duration
}

var (
	oomCounters = []counter{
		{controller: "memory", folders: []string{"memory"}, file: "memory.oom_control", key: "oom_kill"},
		{folders: []string{"", "unified"}, file: "memory.events", key: "oom_kill"},
	}
	cpuCounters = []counter{
		{controller: "cpuacct", folders: []string{"cpuacct", "cpu,cpuacct", "cpuacct,cpu"}, file: "cpuacct.usage", unit: time.Nanosecond},
		{folders: []string{"", "unified"}, file: "cpu.stat", key: "usage_usec", unit: time.Microsecond},
	}
	// memory.peak came with Linux 5.19.
	peakCounters = []counter{
		{controller: "memory", folders: []string{"memory"}, file: "memory.max_usage_in_bytes"},
		{folders: []string{"", "unified"}, file: "memory.peak"},
	}
	threadCounters = []counter{
		{controller: "pids", folders: []string{"pids"}, file: "pids.current"},
		{folders: []string{"", "unified"}, file: "pids.current"},
	}
)

// Open finds the counters below root, usually /sys/fs/cgroup; membership is the text of /proc/self/cgroup.
func Open(root, membership string) *Group {
	g := &Group{}
	var found counter
	g.oom, found = openFirst(oomCounters, root, membership)
	g.oomKey = found.key
	g.cpu, found = openFirst(cpuCounters, root, membership)
	g.cpuKey, g.cpuUnit = found.key, found.unit
	g.threads, _ = openFirst(threadCounters, root, membership)
	g.peak, _ = openFirst(peakCounters, root, membership)
	return g
}

func openFirst(counters []counter, root, membership string) (*os.File, counter) {
	for _, c := range counters {
		if file := c.open(root, membership); file != nil {
			return file, c
		}
	}
	return nil, counter{}
}

// OOMKills is how many processes the kernel has killed at the memory limit since the container started.
func (g *Group) OOMKills() uint64 {
	value, _ := g.read(g.oom, g.oomKey)
	return value
}

// PeakMemory is the most that the container has ever held, in bytes: all its processes, its files in memory and the agent;
// false where the kernel does not keep it.
func (g *Group) PeakMemory() (uint64, bool) {
	return g.read(g.peak, "")
}

// CPU is the time that all processes of the container have used; false where no such counter can be read.
func (g *Group) CPU() (time.Duration, bool) {
	value, ok := g.read(g.cpu, g.cpuKey)
	return time.Duration(value) * g.cpuUnit, ok
}

// Threads is how many threads there are in the container, the agent's included; false where nobody counts them.
func (g *Group) Threads() (uint64, bool) {
	return g.read(g.threads, "")
}

func (g *Group) read(file *os.File, key string) (uint64, bool) {
	if file == nil {
		return 0, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	n, err := syscall.Pread(int(file.Fd()), g.scratch[:], 0)
	if err != nil {
		return 0, false
	}
	return parse(g.scratch[:n], key)
}

// parse finds the number after key at the start of a line; without a key the text is the number.
func parse(text []byte, key string) (uint64, bool) {
	for line := range bytes.Lines(text) {
		word, number, isPair := strings.Cut(strings.TrimSpace(string(line)), " ")
		if key == "" {
			number = word
		} else if !isPair || word != key {
			continue
		}
		value, err := strconv.ParseUint(strings.TrimSpace(number), 10, 64)
		return value, err == nil
	}
	return 0, false
}

// open tries the group that the membership names, for a container that sees the host's whole tree, then the root of the
// hierarchy: inside a container it usually is the container's own group. A file without the key does not count (the
// kernels before 4.13 have no oom_kill).
func (c counter) open(root, membership string) *os.File {
	own := groupPath(membership, c.controller)
	for _, folder := range c.folders {
		for _, group := range []string{filepath.Join(root, folder, own), filepath.Join(root, folder)} {
			if c.controller == "" && isWholeMachine(group) {
				continue
			}
			file, err := os.Open(filepath.Join(group, c.file))
			if err != nil {
				continue
			}
			text := make([]byte, 4096)
			n, _ := file.ReadAt(text, 0)
			if _, ok := parse(text[:n], c.key); ok {
				return file
			}
			file.Close()
		}
	}
	return nil
}

// isWholeMachine tells the root of version 2's tree, whose cpu.stat counts everybody, from a container's group in its place:
// only the root has no cgroup.events.
func isWholeMachine(group string) bool {
	_, err := os.Stat(filepath.Join(group, "cgroup.events"))
	return err != nil
}

// groupPath is the path of the process's group in the hierarchy of a controller; of version 2 for an empty name.
func groupPath(membership, controller string) string {
	for line := range strings.Lines(membership) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		for _, name := range strings.Split(fields[1], ",") {
			if name == controller {
				return fields[2]
			}
		}
	}
	return ""
}
