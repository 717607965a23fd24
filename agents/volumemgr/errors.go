package volumemgr

import "errors"

var (
	// ErrInvalidOption: an option is missing or wrong; the message names it.
	ErrInvalidOption = errors.New("invalid option")
	// ErrDamaged: a file is not what it should be; the message says how.
	ErrDamaged = errors.New("the file is damaged")
)
