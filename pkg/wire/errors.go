package wire

import "errors"

// Errors of this package. They come wrapped with what was given and what is
// allowed; match them with errors.Is.
var (
	// ErrInvalidPath: a path, table, key or token that is not canonical, is too
	// long or is empty.
	ErrInvalidPath = errors.New("invalid path")
	// ErrInvalidPattern: a pattern with a wildcard where none may stand.
	ErrInvalidPattern = errors.New("invalid pattern")
	// ErrInvalidSubject: a subject that is none of this protocol.
	ErrInvalidSubject = errors.New("invalid subject")
	// ErrInvalidHeader: a header whose value can't be read.
	ErrInvalidHeader = errors.New("invalid header")
	// ErrInvalidBody: a body that can't be read.
	ErrInvalidBody = errors.New("invalid body")
)
