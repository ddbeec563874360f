package plan

import (
	"strings"
	"testing"
	"time"
)

func TestPlansThatAreRefused(t *testing.T) {
	for _, c := range []struct{ text, says string }{
		{`{`, "JSON"},
		{`{}`, "steps"},
		{`{"steps":[]}`, "steps"},
		{`{"timeoutMs":0,"steps":[{"op":"stat","path":"x"}]}`, "timeoutMs"},
		{`{"steps":[{"op":"zap"}]}`, "unknown operation"},
		{`{"steps":[{"op":"run"}]}`, "argv"},
		{`{"steps":[{"op":"run","argv":[""]}]}`, "argv"},
		{`{"steps":[{"op":"run","argv":["a\u0000b"]}]}`, "zero byte"},
		{`{"steps":[{"op":"run","argv":["a"],"env":{"A=B":"c"}}]}`, "environment"},
		{`{"steps":[{"op":"run","argv":["a"],"env":{"":"c"}}]}`, "environment"},
		{`{"steps":[{"op":"run","argv":["a"],"stdin":{"data":"?","encoding":"base64"}}]}`, "base64"},
		{`{"steps":[{"op":"stat","path":"x"},{"op":"write","content":"x"}]}`, "step 1 (write): path is missing"},
		{`{"steps":[{"op":"write","path":"x","mode":"replace"}]}`, "unknown mode"},
		{`{"steps":[{"op":"write","path":"x","content":"x","encoding":"latin1"}]}`, "unknown encoding"},
		{`{"steps":[{"op":"read","path":"x","encoding":"latin1"}]}`, "unknown encoding"},
		{`{"steps":[{"op":"read","path":"x","offset":-1}]}`, "negative"},
		{`{"steps":[{"op":"read","path":"x\u0000y"}]}`, "zero byte"},
		{`{"steps":[{"op":"copy","source":"x"}]}`, "destination"},
		{`{"steps":[{"op":"move","destination":"x"}]}`, "source"},
	} {
		_, err := Parse([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want something about %q", c.text, err, c.says)
		}
	}
}

func TestDefaults(t *testing.T) {
	p, err := Parse([]byte(`{"steps":[
		{"op":"mkdir","path":"d"},
		{"op":"remove","path":"d"},
		{"op":"copy","source":"a","destination":"b"},
		{"op":"copy","source":"a","destination":"b","overwrite":false,"recursive":true},
		{"op":"write","path":"f","content":"aGk=","encoding":"base64","always":true}]}`))
	if err != nil {
		t.Fatal(err)
	}
	s := p.Steps
	if p.Timeout() != 0 || !s[0].IsRecursive() || s[1].IsRecursive() || !s[2].MayOverwrite() || s[2].IsRecursive() ||
		s[3].MayOverwrite() || !s[3].IsRecursive() || string(s[4].Bytes()) != "hi" || !s[4].Always {
		t.Fatalf("%+v", p)
	}
}

func TestTimeout(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"1500": 1500 * time.Millisecond,
		"0.5":  500 * time.Microsecond,
		"1e18": 365 * 24 * time.Hour,
	} {
		p, err := Parse([]byte(`{"timeoutMs":` + text + `,"steps":[{"op":"stat","path":"x"}]}`))
		if err != nil || p.Timeout() != want {
			t.Errorf("%s: %v %v", text, p.Timeout(), err)
		}
	}
}
