package files

import (
	"encoding/base64"
	"encoding/json"
	"syscall"
	"unicode/utf8"

	"codebeaker/agent/internal/outlog"
	"codebeaker/agent/internal/plan"
)

const (
	// maxRead is the most bytes of a file that one step returns.
	maxRead = 1 << 20
	// maxEscaped is the most that its text may take as JSON, so that the end of the plan fits into a control frame.
	maxEscaped = 3 << 20
)

// Content is the result of a read.
type Content struct {
	Path      string `json:"path"`
	Content   string `json:"content"`
	Encoding  string `json:"encoding"`
	Bytes     int    `json:"bytes"`
	Size      int64  `json:"size"`
	Offset    int64  `json:"offset"`
	Truncated bool   `json:"truncated"`
}

func (f *Files) read(step *plan.Step) (any, error) {
	fd, info, err := openRegular(f.place(step.Path), syscall.O_RDONLY, 0)
	if err != nil {
		return nil, explain(err, "read", step.Path)
	}
	defer syscall.Close(fd)
	offset, length := int64(0), int64(maxRead)
	if step.Offset != nil {
		offset = *step.Offset
	}
	if step.Length != nil {
		length = min(*step.Length, maxRead)
	}
	bytes, err := readRange(fd, offset, length, info.Size)
	if err != nil {
		return nil, explain(err, "read", step.Path)
	}
	size := max(info.Size, offset+int64(len(bytes)))
	if len(bytes) == 0 {
		size = info.Size
	}
	atEnd := offset+int64(len(bytes)) >= size
	text, encoding, taken := encode(bytes, step.Encoding, atEnd)
	return Content{
		Path:      step.Path,
		Content:   text,
		Encoding:  encoding,
		Bytes:     taken,
		Size:      size,
		Offset:    offset,
		Truncated: offset+int64(taken) < size,
	}, nil
}

// readRange asks for no more memory than the file fills, unless it does not know its size as those of /proc.
func readRange(fd int, offset, length, size int64) ([]byte, error) {
	if size > 0 {
		length = min(length, max(size-offset, 0))
	}
	bytes := make([]byte, length)
	got := 0
	for got < len(bytes) {
		n, err := syscall.Pread(fd, bytes[got:], offset+int64(got))
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if n == 0 {
			break
		}
		got += n
	}
	return bytes[:got], nil
}

// encode makes text of bytes, and tells how many of them it holds. Where the range cuts a character at its end, that is
// left for the next range, unless the range holds nothing else.
func encode(bytes []byte, asked string, atEnd bool) (text, encoding string, taken int) {
	if asked != "base64" {
		whole := bytes
		if !atEnd {
			whole = bytes[:len(bytes)-outlog.IncompleteTail(bytes)]
		}
		if len(whole) == 0 {
			whole = bytes
		}
		valid := utf8.Valid(whole)
		if asked == "utf8" {
			whole = fit(whole)
			return replaceEach(whole), "utf8", len(whole)
		}
		if valid && len(fit(whole)) == len(whole) {
			return string(whole), "utf8", len(whole)
		}
	}
	return base64.StdEncoding.EncodeToString(bytes), "base64", len(bytes)
}

// replaceEach makes every byte that is no UTF-8 a U+FFFD of its own, as decoders of streams do.
func replaceEach(bytes []byte) string {
	if utf8.Valid(bytes) {
		return string(bytes)
	}
	return string([]rune(string(bytes)))
}

// fit cuts bytes to what takes no more than maxEscaped as JSON: control characters take six bytes each.
func fit(bytes []byte) []byte {
	escaped := 0
	for i := 0; i < len(bytes); {
		r, width := utf8.DecodeRune(bytes[i:])
		switch {
		case r < ' ' || r == 0x7f || r == utf8.RuneError || r == '\u2028' || r == '\u2029':
			escaped += 6
		case r == '"' || r == '\\':
			escaped += 2
		default:
			escaped += width
		}
		if escaped > maxEscaped {
			return bytes[:i]
		}
		i += width
	}
	return bytes
}

// jsonSize is how much a value takes as JSON.
func jsonSize(value any) int {
	text, _ := json.Marshal(value)
	return len(text)
}
