// Package plan is what START carries: steps in order, read and checked before anything of them is done.
package plan

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

const maxSteps = 1000

// Plan is a list of steps and the time that all of them may take.
type Plan struct {
	TimeoutMs *float64 `json:"timeoutMs"`
	Steps     []Step   `json:"steps"`
}

// Step is one operation. Which fields count depends on Op; the defaults of absent ones are in the accessors below.
type Step struct {
	Op     string `json:"op"`
	Always bool   `json:"always"`

	Argv  []string          `json:"argv"`
	Env   map[string]string `json:"env"`
	Cwd   string            `json:"cwd"`
	Stdin *Stdin            `json:"stdin"`
	Pty   *Size             `json:"pty"`

	Path          string `json:"path"`
	Source        string `json:"source"`
	Destination   string `json:"destination"`
	Content       string `json:"content"`
	Encoding      string `json:"encoding"`
	Mode          string `json:"mode"`
	Offset        *int64 `json:"offset"`
	Length        *int64 `json:"length"`
	Limit         *int   `json:"limit"`
	Recursive     *bool  `json:"recursive"`
	Overwrite     *bool  `json:"overwrite"`
	IgnoreMissing bool   `json:"ignoreMissing"`
	IncludeHidden bool   `json:"includeHidden"`
	bytes         []byte // Content, decoded
}

// Stdin is what a program reads.
type Stdin struct {
	Data     string `json:"data"`
	Encoding string `json:"encoding"`
	Open     bool   `json:"open"`
	bytes    []byte
}

// Size of a terminal.
type Size struct {
	Columns uint16 `json:"columns"`
	Rows    uint16 `json:"rows"`
}

// Parse reads a plan. Its error says what is wrong with it.
func Parse(text []byte) (*Plan, error) {
	var p Plan
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, fmt.Errorf("the plan is no valid JSON: %w", err)
	}
	if len(p.Steps) == 0 || len(p.Steps) > maxSteps {
		return nil, fmt.Errorf("a plan has 1 to %d steps, not %d", maxSteps, len(p.Steps))
	}
	if p.TimeoutMs != nil && *p.TimeoutMs <= 0 {
		return nil, fmt.Errorf("timeoutMs is %v", *p.TimeoutMs)
	}
	for i := range p.Steps {
		if err := p.Steps[i].check(); err != nil {
			return nil, fmt.Errorf("step %d (%s): %w", i, p.Steps[i].Op, err)
		}
	}
	return &p, nil
}

// Timeout of the whole plan; 0 when it has none.
func (p *Plan) Timeout() time.Duration {
	const longest = 365 * 24 * time.Hour
	if p.TimeoutMs == nil {
		return 0
	}
	if *p.TimeoutMs >= float64(longest/time.Millisecond) {
		return longest
	}
	return max(time.Duration(*p.TimeoutMs*float64(time.Millisecond)), 1)
}

// IsRun tells a program from an operation on files.
func (s *Step) IsRun() bool { return s.Op == "run" }

// Bytes of a write.
func (s *Step) Bytes() []byte { return s.bytes }

// Bytes that the program reads first.
func (s *Stdin) Bytes() []byte { return s.bytes }

// IsRecursive is the field, or the operation's default.
func (s *Step) IsRecursive() bool {
	if s.Recursive == nil {
		return s.Op == "mkdir"
	}
	return *s.Recursive
}

// MayOverwrite is the field, by default true.
func (s *Step) MayOverwrite() bool { return s.Overwrite == nil || *s.Overwrite }

func (s *Step) check() error {
	for _, text := range []string{s.Cwd, s.Path, s.Source, s.Destination} {
		if strings.ContainsRune(text, 0) {
			return fmt.Errorf("a path with a zero byte")
		}
	}
	if s.Offset != nil && *s.Offset < 0 || s.Length != nil && *s.Length < 0 || s.Limit != nil && *s.Limit < 0 {
		return fmt.Errorf("a negative offset, length or limit")
	}
	switch s.Op {
	case "run":
		return s.checkRun()
	case "write":
		return s.checkWrite()
	case "read":
		if s.Encoding != "" && s.Encoding != "utf8" && s.Encoding != "base64" {
			return fmt.Errorf("unknown encoding %q", s.Encoding)
		}
		return needs("path", s.Path)
	case "mkdir", "remove", "stat", "list":
		return needs("path", s.Path)
	case "copy", "move":
		if err := needs("source", s.Source); err != nil {
			return err
		}
		return needs("destination", s.Destination)
	default:
		return fmt.Errorf("unknown operation")
	}
}

func needs(field, value string) error {
	if value == "" {
		return fmt.Errorf("%s is missing", field)
	}
	return nil
}

func (s *Step) checkRun() error {
	if len(s.Argv) == 0 || s.Argv[0] == "" {
		return fmt.Errorf("argv names no program")
	}
	for _, arg := range s.Argv {
		if strings.ContainsRune(arg, 0) {
			return fmt.Errorf("an argument with a zero byte")
		}
	}
	for name, value := range s.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.ContainsRune(value, 0) {
			return fmt.Errorf("the environment can't hold %q", name)
		}
	}
	if s.Stdin != nil {
		var err error
		if s.Stdin.bytes, err = decode(s.Stdin.Data, s.Stdin.Encoding); err != nil {
			return err
		}
		s.Stdin.Data = ""
	}
	return nil
}

func (s *Step) checkWrite() error {
	switch s.Mode {
	case "", "create", "createNew", "append", "overwrite":
	default:
		return fmt.Errorf("unknown mode %q", s.Mode)
	}
	var err error
	if s.bytes, err = decode(s.Content, s.Encoding); err != nil {
		return err
	}
	s.Content = ""
	return needs("path", s.Path)
}

func decode(text, encoding string) ([]byte, error) {
	switch encoding {
	case "", "utf8":
		return []byte(text), nil
	case "base64":
		bytes, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("the content is no base64")
		}
		return bytes, nil
	default:
		return nil, fmt.Errorf("unknown encoding %q", encoding)
	}
}
