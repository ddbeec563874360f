package process

import (
	"encoding/binary"
	"errors"
)

// order is what PID 1 tells the launcher to start; the files of stdin, stdout and stderr come beside it.
type order struct {
	path     string // what is executed
	argv     []string
	env      []string
	cwd      string
	terminal bool // stdin is the terminal that the program's session gets
}

// answer is what came of an order.
type answer struct {
	pid   int
	errno int
}

const answerBytes = 8

// encode writes the order behind its own length: u32 length, then strings behind theirs.
func (o *order) encode() []byte {
	buf := make([]byte, 4, 2048)
	terminal := byte(0)
	if o.terminal {
		terminal = 1
	}
	buf = append(buf, terminal)
	buf = appendStrings(buf, []string{o.path, o.cwd})
	buf = appendStrings(buf, o.argv)
	buf = appendStrings(buf, o.env)
	binary.NativeEndian.PutUint32(buf, uint32(len(buf)-4))
	return buf
}

func decodeOrder(buf []byte) (*order, error) {
	if len(buf) < 1 {
		return nil, errors.New("an empty order")
	}
	o := &order{terminal: buf[0] == 1}
	rest := buf[1:]
	var lists [3][]string
	for i := range lists {
		var ok bool
		if lists[i], rest, ok = cutStrings(rest); !ok {
			return nil, errors.New("an order that is cut off")
		}
	}
	if len(lists[0]) != 2 {
		return nil, errors.New("an order without a path")
	}
	o.path, o.cwd, o.argv, o.env = lists[0][0], lists[0][1], lists[1], lists[2]
	return o, nil
}

func appendStrings(buf []byte, list []string) []byte {
	buf = binary.NativeEndian.AppendUint32(buf, uint32(len(list)))
	for _, s := range list {
		buf = binary.NativeEndian.AppendUint32(buf, uint32(len(s)))
		buf = append(buf, s...)
	}
	return buf
}

func cutStrings(buf []byte) (list []string, rest []byte, ok bool) {
	count, buf, ok := cutLength(buf)
	if !ok || count > len(buf)/4+1 {
		return nil, nil, false
	}
	list = make([]string, 0, count)
	for range count {
		var n int
		if n, buf, ok = cutLength(buf); !ok || n > len(buf) {
			return nil, nil, false
		}
		list = append(list, string(buf[:n]))
		buf = buf[n:]
	}
	return list, buf, true
}

func cutLength(buf []byte) (n int, rest []byte, ok bool) {
	if len(buf) < 4 {
		return 0, nil, false
	}
	return int(binary.NativeEndian.Uint32(buf)), buf[4:], true
}

func (a answer) encode() []byte {
	buf := binary.NativeEndian.AppendUint32(nil, uint32(a.pid))
	return binary.NativeEndian.AppendUint32(buf, uint32(a.errno))
}

func decodeAnswer(buf []byte) answer {
	return answer{int(binary.NativeEndian.Uint32(buf)), int(binary.NativeEndian.Uint32(buf[4:]))}
}
