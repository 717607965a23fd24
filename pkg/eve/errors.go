package eve

import "errors"

// Errors of this package. They come wrapped with what was tried and what to do;
// match them with errors.Is.
var (
	// ErrName: a name or a key that can't be a directory, a socket or a file.
	ErrName = errors.New("not a name for files")
)
