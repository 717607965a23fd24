package main

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// fifo is a named pipe that whoever writes to it hangs at, once it is full.
type fifo struct {
	t  *testing.T
	fd int
}

// newFIFO makes a pipe that is full already.
func newFIFO(t *testing.T, name string) *fifo {
	t.Helper()
	makeFIFO(t, name)
	// Linux opens a pipe for both at once, so nobody waits for the other end.
	fd, err := unix.Open(name, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	f := &fifo{t: t, fd: fd}
	for _, size := range []int{4096, 1} {
		for {
			_, err := unix.Write(fd, make([]byte, size))
			if errors.Is(err, unix.EAGAIN) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return f
}

func makeFIFO(t *testing.T, name string) {
	t.Helper()
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(&os.PathError{Op: "mkfifo", Path: name, Err: err})
	}
}

// empty makes room; who hung goes on.
func (f *fifo) empty() {
	f.t.Helper()
	buf := make([]byte, 64<<10)
	for {
		_, err := unix.Read(f.fd, buf)
		if errors.Is(err, unix.EAGAIN) {
			return
		}
		if err != nil {
			f.t.Fatal(err)
		}
	}
}
