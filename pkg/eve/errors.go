package eve

import "errors"

// Errors of this package. They come wrapped with what was tried and what to do;
// match them with errors.Is.
var (
	// ErrName: a name or a key that can't be a directory, a socket or a file.
	ErrName = errors.New("not a name for files")
	// ErrMessage: bytes that are no message of the socket protocol.
	ErrMessage = errors.New("not a message")
	// ErrTooLarge: a message, or a field in a file of its own, that is larger
	// than the original can read.
	ErrTooLarge = errors.New("too large")
	// ErrLarge: a value whose large fields can't be put into files, or be read
	// from them.
	ErrLarge = errors.New("large field")
)
