package files

import (
	"fmt"
	"strconv"
)

func itoa(n int) string { return strconv.Itoa(n) }

// octal is a mode as chmod takes it.
func octal(mode uint32) string { return fmt.Sprintf("%04o", mode) }
