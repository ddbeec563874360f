// Package relay joins its own stdin and stdout to the socket of PID 1: a later worker's connection.
package relay

import (
	"fmt"
	"io"
	"net"
	"os"
)

const bufferBytes = 64 << 10

// Run copies both ways until either side ends.
func Run(socket string) error {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return fmt.Errorf("no agent at %s: %w", socket, err)
	}
	defer conn.Close()
	ended := make(chan error, 2)
	go pass(conn, os.Stdin, ended)
	go pass(os.Stdout, conn, ended)
	return <-ended
}

// pass hides the types of both ends, so that every read is written as soon as it comes.
func pass(to io.Writer, from io.Reader, ended chan<- error) {
	_, err := io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, bufferBytes))
	ended <- err
}
