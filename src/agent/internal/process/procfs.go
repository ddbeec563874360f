package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// stat is what /proc/<pid>/stat says of a process, whoever it belongs to.
type stat struct {
	pid, parent, group, session int
	name                        string
	state                       byte
	started                     uint64 // ticks of 10 ms since the machine started
}

// dead reports whether nothing but its status is left.
func (s stat) dead() bool { return s.state == 'Z' || s.state == 'X' }

// stopped reports whether a signal has stopped it.
func (s stat) stopped() bool { return s.state == 'T' || s.state == 't' }

func readStat(pid int) (stat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	return parseStat(text)
}

// parseStat takes the name out first: it can hold anything, brackets and spaces too.
func parseStat(text []byte) (s stat, err error) {
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return s, fmt.Errorf("no process: %q", text)
	}
	fields := bytes.Fields(text[end+1:])
	if len(fields) < 20 {
		return s, fmt.Errorf("no process: %q", text)
	}
	s.name = string(text[open+1 : end])
	s.state = fields[0][0]
	s.pid, _ = strconv.Atoi(string(bytes.TrimSpace(text[:open])))
	s.parent, _ = strconv.Atoi(string(fields[1]))
	s.group, _ = strconv.Atoi(string(fields[2]))
	s.session, _ = strconv.Atoi(string(fields[3]))
	s.started, _ = strconv.ParseUint(string(fields[19]), 10, 64)
	return s, nil
}

// eachProcess visits the processes of the container.
func eachProcess(visit func(pid int)) {
	folder, err := os.Open("/proc")
	if err != nil {
		return
	}
	defer folder.Close()
	names, _ := folder.Readdirnames(-1)
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			visit(pid)
		}
	}
}

// lastPid is the pid that was given last in the container.
func lastPid() string {
	text, _ := os.ReadFile("/proc/loadavg")
	return string(text[bytes.LastIndexByte(text, ' ')+1:])
}

func countProcesses() (count int) {
	eachProcess(func(int) { count++ })
	return count
}

// ownerOf is the real uid of a process; false when it is dead.
func ownerOf(pid int) (int, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, false
	}
	if state := statusLine(text, "State"); len(state) == 0 || state[0] == "Z" || state[0] == "X" {
		return 0, false
	}
	ids := statusLine(text, "Uid")
	if len(ids) == 0 {
		return 0, false
	}
	uid, err := strconv.Atoi(ids[0])
	return uid, err == nil
}

// statusLine is what stands behind a name in /proc/<pid>/status.
func statusLine(text []byte, name string) []string {
	_, rest, _ := bytes.Cut(text, []byte("\n"+name+":"))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	return strings.Fields(string(line))
}
