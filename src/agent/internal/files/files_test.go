package files

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"codebeaker/agent/internal/errno"
	"codebeaker/agent/internal/plan"
)

// session is a workspace to try steps in.
type session struct {
	t *testing.T
	Files
}

func newSession(t *testing.T) *session {
	return &session{t, Files{Workspace: t.TempDir(), Interrupted: func() bool { return false }}}
}

// do carries out a step given as JSON and returns the result, or the code of its failure.
func (s *session) do(step string) (any, string) {
	s.t.Helper()
	p, err := plan.Parse([]byte(`{"steps":[` + step + `]}`))
	if err != nil {
		s.t.Fatal(err)
	}
	result, err := s.Do(&p.Steps[0])
	var failure *errno.Failure
	if err != nil && !errors.As(err, &failure) {
		s.t.Fatalf("%v is no failure of a step", err)
	}
	if failure != nil {
		return nil, failure.Code
	}
	return result, ""
}

func (s *session) expect(step string, want any) {
	s.t.Helper()
	got, code := s.do(step)
	if code != "" {
		s.t.Errorf("%s: %s", step, code)
	} else if !reflect.DeepEqual(got, want) {
		s.t.Errorf("%s:\n%+v, want\n%+v", step, got, want)
	}
}

func (s *session) refuses(step, want string) {
	s.t.Helper()
	if got, code := s.do(step); code != want {
		s.t.Errorf("%s: %+v %s, want %s", step, got, code, want)
	}
}

func (s *session) put(path, content string) {
	s.t.Helper()
	place := filepath.Join(s.Workspace, path)
	os.MkdirAll(filepath.Dir(place), 0o755)
	if err := os.WriteFile(place, []byte(content), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *session) holds(path, want string) {
	s.t.Helper()
	got, err := os.ReadFile(filepath.Join(s.Workspace, path))
	if err != nil || string(got) != want {
		s.t.Errorf("%s holds %q (%v), want %q", path, got, err, want)
	}
}

func TestWrite(t *testing.T) {
	s := newSession(t)
	s.expect(`{"op":"write","path":"a/b/c","content":"hällo"}`, Written{"a/b/c", 6})
	s.holds("a/b/c", "hällo")
	s.expect(`{"op":"write","path":"a/b/c","content":"x"}`, Written{"a/b/c", 1})
	s.holds("a/b/c", "x")
	s.expect(`{"op":"write","path":"a/b/c","content":"yz","mode":"append"}`, Written{"a/b/c", 2})
	s.holds("a/b/c", "xyz")
	s.expect(`{"op":"write","path":"a/b/c","content":"123","offset":1}`, Written{"a/b/c", 3})
	s.holds("a/b/c", "x123")
	s.expect(`{"op":"write","path":"a/b/c","content":"!","offset":0,"mode":"overwrite"}`, Written{"a/b/c", 1})
	s.holds("a/b/c", "!123")
	s.expect(`{"op":"write","path":"new","content":"_","offset":2}`, Written{"new", 1})
	s.holds("new", "\x00\x00_")
	s.expect(`{"op":"write","path":"log","content":"AP8=","encoding":"base64","mode":"append"}`, Written{"log", 2})
	s.holds("log", "\x00\xff")
	s.expect(`{"op":"write","path":"once","content":"1","mode":"createNew"}`, Written{"once", 1})
	s.refuses(`{"op":"write","path":"once","content":"2","mode":"createNew"}`, "EEXIST")
	s.holds("once", "1")
	s.refuses(`{"op":"write","path":"a","content":"x"}`, "EISDIR")
	s.refuses(`{"op":"write","path":"once/x","content":"x"}`, "ENOTDIR")
}

func TestNothingButRegularFilesIsOpened(t *testing.T) {
	s := newSession(t)
	syscall.Mkfifo(s.Workspace+"/fifo", 0o666)
	os.Symlink("fifo", s.Workspace+"/link")
	for _, path := range []string{"fifo", "link", "/dev/null", "/dev/zero"} {
		s.refuses(`{"op":"read","path":"`+path+`"}`, "EINVAL")
		s.refuses(`{"op":"write","path":"`+path+`","content":"x"}`, "EINVAL")
		s.refuses(`{"op":"copy","source":"`+path+`","destination":"copy"}`, "EINVAL")
	}
	s.refuses(`{"op":"read","path":"."}`, "EISDIR")
	// PID 1 must not be told about itself, which the kernel would do.
	s.refuses(`{"op":"read","path":"/proc/self/maps"}`, "EACCES")
	s.refuses(`{"op":"read","path":"/proc/thread-self/status"}`, "EACCES")
	s.refuses(`{"op":"list","path":"/proc/self/fd"}`, "EACCES")
	if _, code := s.do(`{"op":"read","path":"/proc/cpuinfo","length":10}`); code != "" {
		t.Error(code)
	}
}

func TestRead(t *testing.T) {
	s := newSession(t)
	s.put("text", "a€€")
	s.put("binary", "\x00\xff\xfe")
	s.put("empty", "")
	for _, c := range []struct {
		fields string
		want   Content
	}{
		{`"path":"text"`, Content{"text", "a€€", "utf8", 7, 7, 0, false}},
		{`"path":"text","length":5`, Content{"text", "a€", "utf8", 4, 7, 0, true}},
		{`"path":"text","offset":4`, Content{"text", "€", "utf8", 3, 7, 4, false}},
		{`"path":"text","offset":4,"length":2`, Content{"text", "4oI=", "base64", 2, 7, 4, true}},
		{`"path":"text","offset":4,"length":2,"encoding":"utf8"`, Content{"text", "\uFFFD\uFFFD", "utf8", 2, 7, 4, true}},
		{`"path":"text","offset":2`, Content{"text", "gqzigqw=", "base64", 5, 7, 2, false}},
		{`"path":"text","offset":7`, Content{"text", "", "utf8", 0, 7, 7, false}},
		{`"path":"text","offset":100`, Content{"text", "", "utf8", 0, 7, 100, false}},
		{`"path":"text","encoding":"base64","length":2`, Content{"text", "YeI=", "base64", 2, 7, 0, true}},
		{`"path":"binary"`, Content{"binary", "AP/+", "base64", 3, 3, 0, false}},
		{`"path":"binary","encoding":"utf8"`, Content{"binary", "\x00\uFFFD\uFFFD", "utf8", 3, 3, 0, false}},
		{`"path":"empty"`, Content{"empty", "", "utf8", 0, 0, 0, false}},
	} {
		s.expect(`{"op":"read",`+c.fields+`}`, c.want)
	}
	s.refuses(`{"op":"read","path":"no/such"}`, "ENOENT")
}

func TestARead1MiBAtMostAndItsEndFitsIntoAFrame(t *testing.T) {
	s := newSession(t)
	s.put("zeros", string(make([]byte, 2<<20)))
	got, _ := s.do(`{"op":"read","path":"zeros","length":99999999}`)
	content := got.(Content)
	if content.Bytes != maxRead || content.Encoding != "base64" || !content.Truncated {
		t.Errorf("%d bytes in %s", content.Bytes, content.Encoding)
	}
	if bytes, _ := base64.StdEncoding.DecodeString(content.Content); len(bytes) != maxRead {
		t.Errorf("%d bytes", len(bytes))
	}
	got, _ = s.do(`{"op":"read","path":"zeros","encoding":"utf8"}`)
	content = got.(Content)
	if size := jsonSize(content); size > maxEscaped+1000 || content.Bytes != len(content.Content) || !content.Truncated {
		t.Errorf("%d bytes of JSON, %d bytes", size, content.Bytes)
	}
}

func TestMkdir(t *testing.T) {
	s := newSession(t)
	s.expect(`{"op":"mkdir","path":"a/b"}`, Made{"a/b", true})
	s.expect(`{"op":"mkdir","path":"a/b/"}`, Made{"a/b/", false})
	s.put("file", "")
	s.refuses(`{"op":"mkdir","path":"file"}`, "EEXIST")
	s.refuses(`{"op":"mkdir","path":"a/b","recursive":false}`, "EEXIST")
	s.refuses(`{"op":"mkdir","path":"x/y","recursive":false}`, "ENOENT")
	s.expect(`{"op":"mkdir","path":"x","recursive":false}`, Made{"x", true})
}

func TestCopy(t *testing.T) {
	s := newSession(t)
	s.put("file", "content")
	os.Chmod(s.Workspace+"/file", 0o755)
	s.expect(`{"op":"copy","source":"file","destination":"to/copy"}`, Copied{"file", "to/copy", 7})
	s.holds("to/copy", "content")
	if info, _ := os.Stat(s.Workspace + "/to/copy"); info.Mode() != 0o755 {
		t.Errorf("the copy has mode %v", info.Mode())
	}
	s.refuses(`{"op":"copy","source":"file","destination":"to/copy","overwrite":false}`, "EEXIST")
	s.refuses(`{"op":"copy","source":"file","destination":"file"}`, "EINVAL")
	s.holds("file", "content")
	s.refuses(`{"op":"copy","source":"file","destination":"to"}`, "EISDIR")
	s.refuses(`{"op":"copy","source":"none","destination":"x"}`, "ENOENT")

	s.put("d/in/f", "12345")
	os.Symlink("../elsewhere", s.Workspace+"/d/link")
	s.refuses(`{"op":"copy","source":"d","destination":"e"}`, "EISDIR")
	s.expect(`{"op":"copy","source":"d","destination":"e","recursive":true}`, Copied{"d", "e", 5})
	s.holds("e/in/f", "12345")
	if target, _ := os.Readlink(s.Workspace + "/e/link"); target != "../elsewhere" {
		t.Errorf("the link leads to %q", target)
	}
	s.expect(`{"op":"copy","source":"d","destination":"d/in/d","recursive":true}`, Copied{"d", "d/in/d", 5})
	s.refuses(`{"op":"copy","source":"d","destination":"d","recursive":true}`, "EINVAL")
}

func TestMove(t *testing.T) {
	s := newSession(t)
	s.put("a", "a")
	s.put("b", "b")
	s.refuses(`{"op":"move","source":"a","destination":"b","overwrite":false}`, "EEXIST")
	s.expect(`{"op":"move","source":"a","destination":"b"}`, Moved{"a", "b"})
	s.holds("b", "a")
	s.refuses(`{"op":"move","source":"a","destination":"b"}`, "ENOENT")
	s.put("d/f", "f")
	s.expect(`{"op":"move","source":"d","destination":"x/y","overwrite":false}`, Moved{"d", "x/y"})
	s.holds("x/y/f", "f")
	s.refuses(`{"op":"move","source":"x","destination":"x/z"}`, "EINVAL")
}

func TestAMoveBetweenFileSystems(t *testing.T) {
	s := newSession(t)
	s.put("d/f", "f")
	// What EXDEV leads to
	if err := s.moveAcross(s.Workspace+"/d", s.Workspace+"/e", syscall.S_IFDIR|0o755, true); err != nil {
		t.Fatal(err)
	}
	s.holds("e/f", "f")
	s.refuses(`{"op":"stat","path":"d"}`, "ENOENT")
}

func TestRemove(t *testing.T) {
	s := newSession(t)
	s.put("d/f", "")
	os.Symlink("d", s.Workspace+"/link")
	s.refuses(`{"op":"remove","path":"d"}`, "ENOTEMPTY")
	s.expect(`{"op":"remove","path":"link","recursive":true}`, Removed{"link", true})
	s.expect(`{"op":"remove","path":"d/f"}`, Removed{"d/f", true})
	s.expect(`{"op":"remove","path":"d"}`, Removed{"d", true})
	s.refuses(`{"op":"remove","path":"d"}`, "ENOENT")
	s.expect(`{"op":"remove","path":"d","ignoreMissing":true}`, Removed{"d", false})
	s.put("e/f/g", "")
	s.expect(`{"op":"remove","path":"e","recursive":true}`, Removed{"e", true})
}

func TestList(t *testing.T) {
	s := newSession(t)
	s.put("d/b/x", "123")
	s.put("d/a", "1")
	s.put("d/.hidden/y", "")
	os.Symlink("..", s.Workspace+"/d/up")
	names := func(step string) string {
		got, code := s.do(step)
		if code != "" {
			return code
		}
		var text []string
		for _, entry := range got.(Listing).Entries {
			text = append(text, entry.Path+":"+entry.Type)
		}
		if got.(Listing).Truncated {
			text = append(text, "truncated")
		}
		return strings.Join(text, " ")
	}
	for step, want := range map[string]string{
		`{"op":"list","path":"d"}`:                            "d/a:file d/b:directory d/up:symlink",
		`{"op":"list","path":"d","includeHidden":true}`:       "d/.hidden:directory d/a:file d/b:directory d/up:symlink",
		`{"op":"list","path":"d","recursive":true}`:           "d/a:file d/b:directory d/b/x:file d/up:symlink",
		`{"op":"list","path":"d","recursive":true,"limit":2}`: "d/a:file d/b:directory truncated",
		`{"op":"list","path":"d","recursive":true,"limit":3}`: "d/a:file d/b:directory d/b/x:file truncated",
		`{"op":"list","path":"d","limit":0}`:                  "truncated",
		`{"op":"list","path":"none"}`:                         "ENOENT",
		`{"op":"list","path":"d/a"}`:                          "ENOTDIR",
	} {
		if got := names(step); got != want {
			t.Errorf("%s: %s, want %s", step, got, want)
		}
	}
}

func TestStat(t *testing.T) {
	s := newSession(t)
	s.put("f", "123")
	os.Chmod(s.Workspace+"/f", 0o640|os.ModeSetuid)
	os.Symlink("f", s.Workspace+"/link")
	got, _ := s.do(`{"op":"stat","path":"f"}`)
	entry := got.(Entry)
	if entry.Type != "file" || entry.Size != 3 || entry.Mode != "4640" || !strings.HasSuffix(entry.ModifiedAt, "Z") || entry.Name != "f" {
		t.Errorf("%+v", entry)
	}
	got, _ = s.do(`{"op":"stat","path":"link"}`)
	if entry := got.(Entry); entry.Type != "symlink" || entry.Target != "f" {
		t.Errorf("%+v", entry)
	}
}

func TestPathsAreReadAsTheKernelDoes(t *testing.T) {
	s := newSession(t)
	s.put("a/b/f", "b")
	s.put("f", "workspace")
	os.Symlink("a/b", s.Workspace+"/link")
	got, _ := s.do(`{"op":"read","path":"link/../f"}`)
	if got != nil {
		t.Errorf("%+v: the path was cleaned before the link was followed", got)
	}
	s.put("a/f", "a")
	if got, _ := s.do(`{"op":"read","path":"link/../f"}`); got.(Content).Content != "a" {
		t.Errorf("%+v", got)
	}
}

func TestAnInterruptedCopyEnds(t *testing.T) {
	s := newSession(t)
	s.put("f", "x")
	s.Interrupted = func() bool { return true }
	s.refuses(`{"op":"copy","source":"f","destination":"g"}`, "EINTR")
}

func TestParentIsTheFolderOfThePathAsItStands(t *testing.T) {
	for place, want := range map[string]string{
		"/":            "/",
		"/a":           "/",
		"/a/":          "/",
		"//a//b//":     "//a",
		"/a/b":         "/a",
		"/a/link/../b": "/a/link/..",
		"/a/.":         "/a",
	} {
		if got := parentOf(place); got != want {
			t.Errorf("parentOf(%q) = %q, want %q", place, got, want)
		}
	}
}
