package process

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
)

func TestParseStat(t *testing.T) {
	const rest = " S 1 42 42 0 -1 4194560 116 0 0 0 0 0 0 0 20 0 1 0 123456 3506176 512 18446744073709551615"
	for name, text := range map[string]string{
		"bash":     "42 (bash)" + rest,
		"a) R 7 (": "42 (a) R 7 ()" + rest,
		"":         "42 ()" + rest,
	} {
		got, err := parseStat([]byte(text))
		want := stat{pid: 42, parent: 1, group: 42, session: 42, name: name, state: 'S', started: 123456}
		if err != nil || got != want {
			t.Errorf("%q: %+v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "42", "42 (x", "42 (x) S 1"} {
		if _, err := parseStat([]byte(text)); err == nil {
			t.Errorf("%q is a process", text)
		}
	}
}

func TestOrdersArriveAsTheyWereSent(t *testing.T) {
	want := &order{
		path: "/bin/sh", argv: []string{"sh", "-c", "", strings.Repeat("x", 100_000)}, env: []string{"A=b", "C=é\n"},
		cwd: "/work space", terminal: true,
	}
	text := want.encode()
	length, rest, _ := cutLength(text)
	got, err := decodeOrder(rest)
	if err != nil || length != len(rest) || !reflect.DeepEqual(got, want) {
		t.Fatal(got, err)
	}
	for n := range len(rest) - 100_000 {
		if _, err := decodeOrder(rest[:n]); err == nil {
			t.Fatalf("an order of %d bytes of %d is whole", n, len(rest))
		}
	}
	if got := decodeAnswer(answer{pid: 7, errno: 2}.encode()); got != (answer{7, 2}) {
		t.Fatal(got)
	}
}

func TestFindMark(t *testing.T) {
	const name = MarkerName + "="
	for _, c := range []struct {
		environ string
		ended   bool
		want    mark
	}{
		{"\x00A=b\x00", true, unmarked},
		{"\x00" + name + "me\x00A=b\x00", true, marked},
		{"\x00A=b\x00" + name + "me", true, marked},
		{"\x00A=b\x00" + name + "me", false, unmarked}, // it may go on
		{"\x00" + name + "me2\x00", true, foreign},
		{"\x00" + name + "other\x00" + name + "me\x00", true, marked},
		{"\x00X" + name + "me\x00", true, unmarked},
	} {
		if got := findMark([]byte(c.environ), "me", c.ended); got != c.want {
			t.Errorf("%q: %v, want %v", c.environ, got, c.want)
		}
	}
}

func TestSignals(t *testing.T) {
	for _, name := range []string{"SIGTERM", "TERM", "sigterm"} {
		if got, ok := ParseSignal(name); got != syscall.SIGTERM || !ok {
			t.Errorf("%s: %v", name, got)
		}
	}
	if _, ok := ParseSignal("SIG"); ok {
		t.Error("SIG is a signal")
	}
	for signal, want := range map[syscall.Signal]string{9: "SIGKILL", 11: "SIGSEGV", 34: "SIGRTMIN+0", 64: "SIGRTMIN+30"} {
		if got := SignalName(signal); got != want {
			t.Errorf("%d: %s", signal, got)
		}
	}
}

func TestLookUp(t *testing.T) {
	folder := t.TempDir()
	for path, mode := range map[string]os.FileMode{"a/tool": 0o644, "b/tool": 0o755, "a/data": 0o644, "here/tool": 0o755} {
		path = filepath.Join(folder, path)
		os.MkdirAll(filepath.Dir(path), 0o755)
		os.WriteFile(path, nil, mode)
		os.MkdirAll(filepath.Join(folder, "a/folder"), 0o755)
	}
	cwd := folder + "/here"
	path := folder + "/a:" + folder + "/b"
	for _, c := range []struct {
		program, path, want string
		err                 error
	}{
		{"tool", path, folder + "/b/tool", nil},
		{"data", path, "", syscall.EACCES},
		{"folder", path, "", syscall.EACCES},
		{"nothing", path, "", syscall.ENOENT},
		{"tool", "", cwd + "/tool", nil},
		{"tool", ".", cwd + "/tool", nil},
		{"tool", "../b", folder + "/b/tool", nil},
		{"./x", path, "./x", nil},
		{"/no/such", path, "/no/such", nil},
	} {
		got, err := lookUp(c.program, c.path, cwd)
		if got != c.want || err != c.err && !(err == nil && c.err == nil) {
			t.Errorf("%s in %q: %q %v, want %q %v", c.program, c.path, got, err, c.want, c.err)
		}
	}
}

func TestEnvironmentHasEveryNameOnce(t *testing.T) {
	s := Starter{Env: []string{"PATH=/bin", "HOME=/workspace", MarkerName + "=forged"}}
	got := s.environment(Spec{ID: "e", Env: map[string]string{"HOME": "/tmp", MarkerName: "forged"}, Terminal: &Size{80, 24}})
	want := []string{MarkerName + "=e", "PATH=/bin", "HOME=/tmp", "TERM=xterm-256color"}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%q", got)
	}
	if pathOf(got) != "/bin" || pathOf(nil) != defaultPath {
		t.Fatal(pathOf(got))
	}
}

func TestAnEndThatComesBeforeThePidIsNotLost(t *testing.T) {
	r := NewReaper()
	exit := Exit{Status: 3 << 8}
	r.Launching()
	r.ended(41, Exit{})
	r.ended(42, exit)
	if got := <-r.Launched(42); got.Status.ExitStatus() != 3 {
		t.Fatal(got)
	}
	if len(r.early) != 0 {
		t.Fatal("ends of strangers are kept")
	}
	r.Launching()
	ended := r.Launched(43)
	r.ended(43, exit)
	if got := <-ended; got.Status.ExitStatus() != 3 {
		t.Fatal(got)
	}
}
