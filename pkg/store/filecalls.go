package store

import (
	"fmt"
	"io/fs"
	"os"
)

// FileCalls are the calls that a log makes on files. A nil field is the real
// call; a test sets a field to fail, to cut short or to watch that call, and
// calls the real thing itself where it wants it. The functions are called from
// the goroutine that uses the log and from its compaction, so they must be safe
// for concurrent use.
type FileCalls struct {
	// Open opens or creates a file: os.OpenFile.
	Open func(name string, flag int, perm fs.FileMode) (*os.File, error)
	// ReadAt reads a file: (*os.File).ReadAt.
	ReadAt func(f *os.File, b []byte, off int64) (int, error)
	// WriteAt writes a file: (*os.File).WriteAt.
	WriteAt func(f *os.File, b []byte, off int64) (int, error)
	// Sync makes a file's content durable: fdatasync(2) where there is one.
	Sync func(f *os.File) error
	// Truncate cuts a file: (*os.File).Truncate.
	Truncate func(f *os.File, size int64) error
	// Rename replaces a file by another one: os.Rename.
	Rename func(from, to string) error
	// Remove removes a file: os.Remove.
	Remove func(name string) error
	// SyncDir makes the names in a directory durable: fsync(2) of it.
	SyncDir func(dir string) error
}

func (c FileCalls) open(name string, flag int, perm fs.FileMode) (*os.File, error) {
	if c.Open != nil {
		return c.Open(name, flag, perm)
	}
	return os.OpenFile(name, flag, perm)
}

func (c FileCalls) readAt(f *os.File, b []byte, off int64) (int, error) {
	if c.ReadAt != nil {
		return c.ReadAt(f, b, off)
	}
	return f.ReadAt(b, off)
}

func (c FileCalls) writeAt(f *os.File, b []byte, off int64) (int, error) {
	if c.WriteAt != nil {
		return c.WriteAt(f, b, off)
	}
	return f.WriteAt(b, off)
}

func (c FileCalls) sync(f *os.File) error {
	if c.Sync != nil {
		return c.Sync(f)
	}
	return SyncFile(f)
}

func (c FileCalls) truncate(f *os.File, size int64) error {
	if c.Truncate != nil {
		return c.Truncate(f, size)
	}
	return f.Truncate(size)
}

func (c FileCalls) rename(from, to string) error {
	if c.Rename != nil {
		return c.Rename(from, to)
	}
	return os.Rename(from, to)
}

func (c FileCalls) remove(name string) error {
	if c.Remove != nil {
		return c.Remove(name)
	}
	return os.Remove(name)
}

func (c FileCalls) syncDir(dir string) error {
	if c.SyncDir != nil {
		return c.SyncDir(dir)
	}
	return SyncDir(dir)
}

// SyncDir makes the names in a directory durable. It is what a FileCalls with
// a nil SyncDir does.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open directory to sync it: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync directory %s: %w", dir, err)
	}
	return nil
}
