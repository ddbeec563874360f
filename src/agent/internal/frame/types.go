// Package frame is the format of docs/agent-protocol.md: length, type, id and payload. It knows nothing of executions.
package frame

// Type says what a frame is about.
type Type byte

// Frames from the worker.
const (
	Hello    Type = 0x01
	Start    Type = 0x02
	Resume   Type = 0x03
	Ack      Type = 0x04
	AckEnd   Type = 0x05
	Cancel   Type = 0x06
	Stdin    Type = 0x07
	StdinEOF Type = 0x08
	Resize   Type = 0x09
	Ping     Type = 0x0a
)

// Frames to the worker.
const (
	HelloOK      Type = 0x41
	Refused      Type = 0x42
	StartRefused Type = 0x43
	Output       Type = 0x44
	End          Type = 0x45
	StdinTaken   Type = 0x46
	Pong         Type = 0x47
)

const (
	// MaxBytes is the size of the largest frame, its length field included.
	MaxBytes = 64 << 10
	// MaxControlBytes is the largest payload that frames continue.
	MaxControlBytes = 4 << 20

	maxIDLength = 128
	headLength  = 6
	continued   = 0x80
)

// Frame is one message. Payload belongs to the receiver.
type Frame struct {
	Type    Type
	ID      string
	Payload []byte
}

// isData reports whether frames of the type carry bytes as they are, and so are never continued.
func (t Type) isData() bool {
	return t == Stdin || t == Output
}
