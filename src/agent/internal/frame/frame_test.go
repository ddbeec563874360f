package frame

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

func readAll(t *testing.T, stream []byte) []Frame {
	t.Helper()
	r := NewReader(bytes.NewReader(stream))
	var frames []Frame
	for {
		f, err := r.Next()
		if err == io.EOF {
			return frames
		}
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, f)
	}
}

func TestWhatIsAppendedIsRead(t *testing.T) {
	longID := strings.Repeat("i", maxIDLength)
	for name, payload := range map[string]string{
		"empty":            "",
		"short":            `{"version":1}`,
		"as long as fits":  strings.Repeat("a", MaxBytes-headLength-len(longID)),
		"one byte more":    strings.Repeat("b", MaxBytes-headLength-len(longID)+1),
		"the longest":      strings.Repeat("c", MaxControlBytes),
		"zero bytes":       "\x00\x00",
		"exactly two full": strings.Repeat("d", 2*(MaxBytes-headLength-len(longID))),
	} {
		t.Run(name, func(t *testing.T) {
			stream := Append(nil, Start, longID, []byte(payload))
			stream = Append(stream, Ping, "", nil)
			got := readAll(t, stream)
			if len(got) != 2 || got[0].Type != Start || got[0].ID != longID || string(got[0].Payload) != payload || got[1].Type != Ping {
				t.Fatalf("%d frames, the first of type %#x with %d bytes", len(got), got[0].Type, len(got[0].Payload))
			}
		})
	}
}

func TestNoFrameIsLongerThan64KiB(t *testing.T) {
	stream := Append(nil, Start, "id", bytes.Repeat([]byte("x"), 200_000))
	for len(stream) > 0 {
		length := 4 + int(stream[0])<<24 + int(stream[1])<<16 + int(stream[2])<<8 + int(stream[3])
		if length > MaxBytes {
			t.Fatalf("a frame of %d bytes", length)
		}
		stream = stream[length:]
	}
}

func TestOutputCarriesStreamAndOffset(t *testing.T) {
	got := readAll(t, AppendOutput(nil, "e", 2, 1<<40+3, []byte("text")))
	want := []Frame{{Output, "e", []byte("\x02\x00\x00\x01\x00\x00\x00\x00\x03text")}}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	offset, rest, ok := ParseOffset(got[0].Payload[1:])
	if offset != 1<<40+3 || string(rest) != "text" || !ok {
		t.Fatal(offset, rest, ok)
	}
}

func TestBytesThatAreNoFrames(t *testing.T) {
	for name, stream := range map[string]string{
		"a length of 1":              "\x00\x00\x00\x01\x01\x00",
		"a length over 64 KiB":       "\x00\x00\xff\xfd\x01\x00",
		"an id longer than 128":      "\x00\x00\x01\x00\x01\x81" + strings.Repeat("x", 300),
		"an id longer than its rest": "\x00\x00\x00\x03\x01\x02x",
		"an id with a zero byte":     "\x00\x00\x00\x03\x01\x01\x00",
		"a continued data frame":     "\x00\x00\x00\x03\x87\x00x" + "\x00\x00\x00\x03\x07\x00x",
		"another frame inside":       "\x00\x00\x00\x03\x82\x00x" + "\x00\x00\x00\x02\x0a\x00",
		"another id inside":          "\x00\x00\x00\x03\x82\x01x" + "\x00\x00\x00\x03\x02\x01y",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewReader(strings.NewReader(stream)).Next()
			var broken *FormatError
			if !errors.As(err, &broken) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestAPayloadOver4MiBIsRefused(t *testing.T) {
	stream := Append(nil, Start, "e", make([]byte, MaxControlBytes+1))
	_, err := NewReader(bytes.NewReader(stream)).Next()
	var broken *FormatError
	if !errors.As(err, &broken) {
		t.Fatalf("got %v", err)
	}
}

func TestAnEndInTheMiddleIsUnexpected(t *testing.T) {
	whole := Append(nil, Start, "e", bytes.Repeat([]byte("x"), 70_000))
	for _, n := range []int{1, 5, 7, 100, MaxBytes, MaxBytes + 3} {
		if _, err := NewReader(bytes.NewReader(whole[:n])).Next(); err != io.ErrUnexpectedEOF {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add(Append(nil, Hello, "", []byte(`{"version":1,"epoch":1}`)))
	f.Add(Append(nil, Start, "e", bytes.Repeat([]byte("x"), 70_000)))
	f.Add(AppendOutput(nil, "e", 1, 7, []byte("out")))
	f.Add([]byte("\x00\x00\x00\x03\x82\x01x\x00\x00\x00\x03\x02\x01y"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := NewReader(bytes.NewReader(stream))
		var again []byte
		for {
			frame, err := r.Next()
			if err != nil {
				break
			}
			if len(frame.ID) > maxIDLength || len(frame.Payload) > MaxControlBytes {
				t.Fatalf("an id of %d bytes, a payload of %d", len(frame.ID), len(frame.Payload))
			}
			again = Append(again, frame.Type, frame.ID, frame.Payload)
		}
		readAll(t, again)
	})
}
