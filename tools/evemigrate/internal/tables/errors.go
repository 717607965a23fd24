package tables

import "errors"

// Errors of this package. They come wrapped with what was tried and what to do;
// match them with errors.Is.
var (
	// ErrLoad: the packages can't be listed.
	ErrLoad = errors.New("packages can't be read")
	// ErrInvalidOption: an option that can't be; the message names it.
	ErrInvalidOption = errors.New("invalid option")
)
