package filewatch

import (
	"fmt"
	"io"
	"os"
	"syscall"
)

// MaxSize is the largest file that Read takes, in bytes.
const MaxSize = 64 << 20

// Read returns the content of the file at path. It never waits for a pipe or
// a device: what is not a plain file is ErrNotRegular. A file that does not
// exist is os.ErrNotExist, one over MaxSize ErrTooLarge.
//
// A reader that meets a writer may get the content in between: whoever watches
// the file is told of the rest.
func Read(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read %s: %w but %s", path, ErrNotRegular, info.Mode().Type())
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxSize {
		return nil, fmt.Errorf("read %s: %w: the limit is %d bytes", path, ErrTooLarge, MaxSize)
	}
	return data, nil
}
