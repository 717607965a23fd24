package config

import "errors"

// ErrInvalid: the configuration can't be taken. The message names the file and
// line, or the flag, and says what it takes.
var ErrInvalid = errors.New("invalid configuration")
