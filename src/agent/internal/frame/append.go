package frame

import "encoding/binary"

// MaxDataBytes is how much payload one frame holds, whatever the length of its id.
const MaxDataBytes = MaxBytes - headLength - maxIDLength

// Append adds a frame to buf, or several where the payload is longer than one holds.
func Append(buf []byte, t Type, id string, payload []byte) []byte {
	room := MaxBytes - headLength - len(id)
	for {
		part := payload
		kind := byte(t)
		if len(part) > room {
			part = part[:room]
			kind |= continued
		}
		buf = appendHead(buf, kind, id, len(part))
		buf = append(buf, part...)
		payload = payload[len(part):]
		if kind&continued == 0 {
			return buf
		}
	}
}

// AppendOutput adds an OUTPUT frame: bytes of a log, from offset on.
func AppendOutput(buf []byte, id string, stream byte, offset uint64, bytes []byte) []byte {
	buf = appendHead(buf, byte(Output), id, 1+8+len(bytes))
	buf = append(buf, stream)
	buf = binary.BigEndian.AppendUint64(buf, offset)
	return append(buf, bytes...)
}

// Offset is the payload of a frame that carries an offset alone.
func Offset(offset uint64) []byte {
	return binary.BigEndian.AppendUint64(nil, offset)
}

// ParseOffset splits a payload that begins with an offset.
func ParseOffset(payload []byte) (offset uint64, rest []byte, ok bool) {
	if len(payload) < 8 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint64(payload), payload[8:], true
}

func appendHead(buf []byte, kind byte, id string, payloadLength int) []byte {
	buf = binary.BigEndian.AppendUint32(buf, uint32(2+len(id)+payloadLength))
	buf = append(buf, kind, byte(len(id)))
	return append(buf, id...)
}
