package contentserver

import "errors"

// ErrInvalidOption: an option is wrong; the message names it.
var ErrInvalidOption = errors.New("invalid option")

// ErrSeek: a place before the content's beginning was asked for.
var ErrSeek = errors.New("no such place in the content")

// errBroken ends an answer that a fault breaks off.
var errBroken = errors.New("the answer is broken off")
