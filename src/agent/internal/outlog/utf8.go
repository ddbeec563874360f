package outlog

import "unicode/utf8"

// maxHeld is how many bytes at the end of a read may be the beginning of a character.
const maxHeld = utf8.UTFMax - 1

// IncompleteTail is how many bytes at the end are the beginning of a character whose rest is missing, 0 to 3.
// Bytes that can't become a character are not held back.
func IncompleteTail(bytes []byte) int {
	for n := 1; n <= maxHeld && n <= len(bytes); n++ {
		start := bytes[len(bytes)-n]
		if !utf8.RuneStart(start) {
			continue
		}
		if start >= utf8.RuneSelf && !utf8.FullRune(bytes[len(bytes)-n:]) {
			return n
		}
		return 0
	}
	return 0
}
