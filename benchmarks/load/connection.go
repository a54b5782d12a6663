package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"syscall"
	"time"
)

var errClosed = errors.New("closed")

// A connection carries one request at a time, and is kept for the next one.
type connection struct {
	socket int
	due    time.Duration
	busy   bool
	heard  []byte
}

func connect(address syscall.Sockaddr) (*connection, error) {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	made := &connection{socket: socket}
	err = errors.Join(
		syscall.SetsockoptInt(socket, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1),
		syscall.Connect(socket, address),
		syscall.SetNonblock(socket, true),
	)
	if err != nil {
		syscall.Close(socket)
	}
	return made, err
}

// hear takes what has come, and returns the answer once it is whole.
func (c *connection) hear() (*http.Response, error) {
	var chunk [4096]byte
	count, err := syscall.Read(c.socket, chunk[:])
	switch {
	case err == syscall.EAGAIN:
		return nil, nil
	case err != nil:
		return nil, err
	case count == 0:
		return nil, errClosed
	}
	c.heard = append(c.heard, chunk[:count]...)
	answer, err := http.ReadResponse(bufio.NewReaderSize(bytes.NewReader(c.heard), 512), nil)
	if err == nil {
		_, err = io.Copy(io.Discard, answer.Body)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, nil
	}
	c.heard = c.heard[:0]
	return answer, err
}
