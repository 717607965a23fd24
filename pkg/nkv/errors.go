package nkv

import (
	"errors"
	"fmt"
	"time"
)

// Errors that answer a request. They come wrapped with what was tried and what
// to do; match them with errors.Is.
var (
	// ErrNotFound: no such key or table.
	ErrNotFound = errors.New("not found")
	// ErrTableOwned: another instance owns the table. The error is an OwnedError.
	ErrTableOwned = errors.New("table is owned")
	// ErrFence: the request's fence is not the valid one of its table.
	ErrFence = errors.New("fence is not valid")
	// ErrRevision: the key has another revision than expected. The error is a
	// RevisionError.
	ErrRevision = errors.New("revision is not the expected one")
	// ErrUnavailable: the change was refused and certainly did not happen; it may
	// be tried again.
	ErrUnavailable = errors.New("unavailable")
	// ErrUnknown: the change happened entirely or not at all, and it is not known
	// which.
	ErrUnknown = errors.New("outcome unknown")
	// ErrClosed: the core was closed.
	ErrClosed = errors.New("closed")
	// ErrInvalidOption: Open was given an option it can't take.
	ErrInvalidOption = errors.New("invalid option")
	// ErrCorrupt: a store holds a record that this version can't read.
	ErrCorrupt = errors.New("unreadable record")
)

// OwnedError says who owns a table. It matches ErrTableOwned.
type OwnedError struct {
	Table string
	Owner Owner
	// RetryAfter is how long the owner, whose connection is gone, still may
	// reclaim its table; 0 while it is connected.
	RetryAfter time.Duration
}

// Error names the table, the owner and what to do.
func (e *OwnedError) Error() string {
	if e.RetryAfter > 0 {
		return fmt.Sprintf("table %s is owned by %s, whose connection is gone; it may be opened in %s", e.Table, e.Owner, e.RetryAfter.Round(time.Millisecond))
	}
	return fmt.Sprintf("table %s is owned by %s; stop that one, or take the table by force", e.Table, e.Owner)
}

// Is reports whether target is ErrTableOwned.
func (e *OwnedError) Is(target error) bool { return target == ErrTableOwned }

// RevisionError says which revision a key has instead of the expected one. It
// matches ErrRevision.
type RevisionError struct {
	Table, Key        string
	Expected, Current uint64 // 0: not there
}

// Error names the key and both revisions.
func (e *RevisionError) Error() string {
	switch {
	case e.Expected == 0:
		return fmt.Sprintf("key %s of table %s exists, with revision %d", e.Key, e.Table, e.Current)
	case e.Current == 0:
		return fmt.Sprintf("key %s of table %s does not exist; revision %d was expected", e.Key, e.Table, e.Expected)
	}
	return fmt.Sprintf("key %s of table %s has revision %d; revision %d was expected", e.Key, e.Table, e.Current, e.Expected)
}

// Is reports whether target is ErrRevision.
func (e *RevisionError) Is(target error) bool { return target == ErrRevision }
