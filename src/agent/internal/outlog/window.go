package outlog

import "sync"

const (
	// maxUnacknowledged is the most that is kept of one log.
	maxUnacknowledged = 256 << 10
	// maxUnacknowledgedInAll is the most that is kept of all logs, but for what guaranteed lets in.
	maxUnacknowledgedInAll = 1 << 20
	// guaranteed is how much of every log is read whatever the others hold.
	guaranteed = 16 << 10
	// A window counts as full when less room than leastRoom is left, and as roomy again from enoughRoom on: else every
	// small acknowledgement would be followed by a read as small.
	leastRoom  = 8 << 10
	enoughRoom = 64 << 10
)

// Window is what all logs of a container share: the lock, the sum of the bytes that nobody acknowledged yet, and a buffer
// to read into, so that a stream that is silent holds no memory.
type Window struct {
	mu      sync.Mutex
	held    int
	waiting map[*Log]struct{} // logs whose readers wait for room
	buffer  [maxChunk]byte
}

// NewWindow makes the window of a container.
func NewWindow() *Window {
	return &Window{waiting: map[*Log]struct{}{}}
}

// room is how much may be read into a log that holds so much; the caller holds the lock.
func (w *Window) room(held int) int {
	shared := min(maxUnacknowledged-held, maxUnacknowledgedInAll-w.held)
	if shared < leastRoom {
		shared = 0
	}
	return max(guaranteed-held, shared, 0)
}

// release gives back what was acknowledged, and lets the readers go on that now have room; the caller holds the lock.
func (w *Window) release(bytes int) {
	w.held -= bytes
	for log := range w.waiting {
		if log.held < guaranteed || w.room(log.held) >= enoughRoom {
			delete(w.waiting, log)
			log.wake()
		}
	}
}
