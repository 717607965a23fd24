package heater

import "errors"

// ErrInvalidOption: an option is missing or wrong; the message names it.
var ErrInvalidOption = errors.New("invalid option")
