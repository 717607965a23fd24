package store

import (
	"errors"
	"fmt"
)

// The errors of this package. They are always wrapped in a message that says
// what was tried, on what, and what to do; match them with errors.Is.
var (
	// ErrNotCommitted says that a batch certainly did not happen and never will.
	// The store goes on serving.
	ErrNotCommitted = errors.New("not committed")

	// ErrUnknown says that it is not known whether a batch would be found after
	// a restart. Every Commit is refused with it until Reload returned nil.
	ErrUnknown = errors.New("outcome unknown")

	// ErrLocked says that the directory is in use by another opener, in this
	// process or in another one.
	ErrLocked = errors.New("locked by another opener")

	// ErrDamaged says that a file was changed by something other than its
	// store. Its details are in a *DamageError.
	ErrDamaged = errors.New("damaged")

	// ErrClosed says that the store was closed.
	ErrClosed = errors.New("store is closed")

	// ErrInvalidOption says that an option has a value it can't have; the
	// message names it.
	ErrInvalidOption = errors.New("invalid option")

	// ErrVersion says that a file was written by a newer version of this
	// package.
	ErrVersion = errors.New("written by a newer version")
)

// DamageError tells where a file is damaged. It matches ErrDamaged.
type DamageError struct {
	// File is the path of the damaged file.
	File string
	// Offset is the byte offset of the first thing in it that can't be trusted.
	Offset int64
	// Reason says what is wrong there.
	Reason string
}

// Error names the file, the place, the reason, and the two ways to go on.
func (e *DamageError) Error() string {
	return fmt.Sprintf("%s is damaged at offset %d: %s; nothing was changed: "+
		"restore it from a backup, or move it away to start empty, which gives up every key it holds",
		e.File, e.Offset, e.Reason)
}

// Unwrap makes errors.Is(err, ErrDamaged) hold.
func (e *DamageError) Unwrap() error { return ErrDamaged }
