package mirror

import "errors"

// Errors of this package. They come wrapped with what was tried and what to do;
// match them with errors.Is.
var (
	// ErrRoot: the directories below the root can't be used.
	ErrRoot = errors.New("the old files' directories can't be used")
	// ErrNoFile: what stands where a value's file should be is not read.
	ErrNoFile = errors.New("not a file to read")
	// ErrNote: a note in a store that this version can't read.
	ErrNote = errors.New("note can't be read")
)
