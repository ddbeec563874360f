package outlog

import "testing"

func TestIncompleteTail(t *testing.T) {
	for _, c := range []struct {
		name, bytes string
		want        int
	}{
		{"nothing", "", 0},
		{"ASCII", "abc", 0},
		{"a whole character of two bytes", "aé", 0},
		{"the first of two", "a\xc3", 1},
		{"a whole one of three", "€", 0},
		{"one of three", "€\xe2", 1},
		{"two of three", "€\xe2\x82", 2},
		{"three of four", "\xf0\x9f\x98", 3},
		{"a whole one of four", "😀", 0},
		{"a byte that never occurs", "a\xff", 0},
		{"a continuation without a start", "\x82\x82", 0},
		{"four continuations", "\x82\x82\x82\x82", 0},
		{"a start that its rest does not fit", "\xe2\x41", 0},
		{"an overlong start", "\xc0", 0},
		{"a surrogate, which can't become valid", "\xed\xa0", 0},
	} {
		if got := IncompleteTail([]byte(c.bytes)); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
