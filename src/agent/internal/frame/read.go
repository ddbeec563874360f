package frame

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// FormatError says how bytes break the format. The connection that they came on is of no more use.
type FormatError struct{ problem string }

func (e *FormatError) Error() string { return "not a frame of the protocol: " + e.problem }

func malformed(format string, args ...any) error {
	return &FormatError{fmt.Sprintf(format, args...)}
}

// Reader takes frames off a stream and joins the continued ones.
type Reader struct {
	stream *bufio.Reader
}

// NewReader reads frames from stream.
func NewReader(stream io.Reader) *Reader {
	return &Reader{bufio.NewReaderSize(stream, 8<<10)}
}

// Next returns the next whole frame. Its error is a *FormatError when the bytes are no frames, io.EOF at an end between
// two frames.
func (r *Reader) Next() (Frame, error) {
	whole, more, err := r.part()
	if err != nil || !more {
		return whole, err
	}
	if whole.Type.isData() {
		return Frame{}, malformed("a data frame that is continued")
	}
	for more {
		var next Frame
		next, more, err = r.part()
		if err != nil {
			return Frame{}, unexpected(err)
		}
		if next.Type != whole.Type || next.ID != whole.ID {
			return Frame{}, malformed("another frame inside a continued one")
		}
		if len(whole.Payload)+len(next.Payload) > MaxControlBytes {
			return Frame{}, malformed("a payload over %d bytes", MaxControlBytes)
		}
		if more && len(next.Payload) == 0 {
			return Frame{}, malformed("an empty frame that is continued")
		}
		whole.Payload = append(whole.Payload, next.Payload...)
	}
	return whole, nil
}

// part reads one frame as it is on the wire; more says that its payload goes on.
func (r *Reader) part() (f Frame, more bool, err error) {
	var head [headLength]byte
	if _, err = io.ReadFull(r.stream, head[:4]); err != nil {
		return f, false, err
	}
	length := binary.BigEndian.Uint32(head[:4])
	if length < 2 || length > MaxBytes-4 {
		return f, false, malformed("a length of %d", length)
	}
	if _, err = io.ReadFull(r.stream, head[4:]); err != nil {
		return f, false, unexpected(err)
	}
	idLength := int(head[5])
	if idLength > maxIDLength || idLength > int(length)-2 {
		return f, false, malformed("an id of %d bytes", idLength)
	}
	rest := make([]byte, length-2)
	if _, err = io.ReadFull(r.stream, rest); err != nil {
		return f, false, unexpected(err)
	}
	for _, c := range rest[:idLength] {
		if c < 0x20 || c > 0x7e {
			return f, false, malformed("an id with the byte %#x", c)
		}
	}
	f.Type = Type(head[4] &^ continued)
	f.ID = string(rest[:idLength])
	f.Payload = rest[idLength:]
	return f, head[4]&continued != 0, nil
}

// unexpected is an end of the stream in the middle of a frame.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
