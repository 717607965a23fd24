package diag

import "errors"

var (
	// ErrInvalidOption: an option is missing or wrong; the message names it.
	ErrInvalidOption = errors.New("invalid option")
	// ErrIncomplete: not every table was there in time; the message names
	// those that were not.
	ErrIncomplete = errors.New("tables are missing")
)
