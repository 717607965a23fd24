package store

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// SyncFile makes a file's content and length durable, with fdatasync(2). It is
// what a FileCalls with a nil Sync does.
func SyncFile(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
	}
	var syncErr error
	err = conn.Control(func(fd uintptr) {
		for {
			if syncErr = unix.Fdatasync(int(fd)); !errors.Is(syncErr, unix.EINTR) {
				return
			}
		}
	})
	if err == nil {
		err = syncErr
	}
	if err != nil {
		return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
	}
	return nil
}
