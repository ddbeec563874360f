package sandbox

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

var users = Identity{Sandbox: 100_000, Agent: 100_001}

// openFolder is a new folder that everybody can look into: t.TempDir is root's alone.
func openFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "agent")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestUsersCanBeLookedUp(t *testing.T) {
	folder := t.TempDir()
	if err := WriteUsers(folder, users); err != nil {
		t.Fatal(err)
	}
	for file, lines := range map[string][]string{
		"passwd": {"root:x:0:0:", "sandbox:x:100000:100000:sandbox:/workspace:/bin/bash\n", "agent:x:100001:100001:", "nobody:x:65534:"},
		"group":  {"root:x:0:", "sandbox:x:100000:\n", "agent:x:100001:\n"},
	} {
		text, err := os.ReadFile(folder + "/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines {
			if !strings.Contains(string(text), line) {
				t.Errorf("%s has no %q", file, line)
			}
		}
	}
}

func TestTheSocketIsTheAgentsAlone(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can make it")
	}
	folder := openFolder(t)
	listener, err := Listen(folder+"/agent/socket", users)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for path, want := range map[string]struct{ mode, uid, gid uint32 }{
		"/agent":        {syscall.S_IFDIR | 0o711, 0, 100_001},
		"/agent/socket": {syscall.S_IFSOCK | 0o600, 100_001, 100_001},
	} {
		var info syscall.Stat_t
		if err := syscall.Stat(folder+path, &info); err != nil {
			t.Fatal(err)
		}
		if info.Mode != want.mode || info.Uid != want.uid || info.Gid != want.gid {
			t.Errorf("%s: mode %o of %d:%d", path, info.Mode, info.Uid, info.Gid)
		}
	}
	// This thread is itself again
	if err := os.WriteFile(folder+"/root", nil, 0o600); err != nil {
		t.Error(err)
	}
}

func TestDoHasTheRightsOfTheSandboxUserAndNoMore(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	folder := openFolder(t)
	os.Mkdir(folder+"/open", 0o777)
	os.Chmod(folder+"/open", 0o777)
	os.WriteFile(folder+"/secret", []byte("x"), 0o600)
	identity := Identity{Sandbox: 100_000, Agent: os.Getuid()}
	if err := identity.Check(); err != nil {
		t.Fatal(err)
	}
	err := identity.Do(func() error {
		if _, err := os.ReadFile(folder + "/secret"); !os.IsPermission(err) {
			t.Errorf("reading a secret: %v", err)
		}
		return os.WriteFile(folder+"/open/mine", nil, 0o600)
	})
	var info syscall.Stat_t
	if err != nil || syscall.Stat(folder+"/open/mine", &info) != nil || info.Uid != 100_000 || info.Gid != 100_000 {
		t.Errorf("%v, a file of %d:%d", err, info.Uid, info.Gid)
	}
	if _, err := os.ReadFile(folder + "/secret"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
