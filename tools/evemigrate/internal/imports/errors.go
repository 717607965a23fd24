package imports

import "errors"

// Errors of this package. They come wrapped with what was tried and what to do;
// match them with errors.Is.
var (
	// ErrInvalidOption: an option that can't be; the message names it.
	ErrInvalidOption = errors.New("invalid option")
	// ErrParse: a file is no Go source. Nothing was changed.
	ErrParse = errors.New("can't be parsed")
	// ErrFile: a file can't be read or written.
	ErrFile = errors.New("file access failed")
)
