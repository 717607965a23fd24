package bridge

import "errors"

// Errors of this package. They come wrapped with what was tried and what to do;
// match them with errors.Is.
var (
	// ErrInvalidOption: an option that can't be taken; the message names it.
	ErrInvalidOption = errors.New("invalid option")

	errInUse    = errors.New("another process answers on the socket")
	errOccupied = errors.New("something that is no socket is in its place")
	errEnd      = errors.New("the connection ended")
	errSilent   = errors.New("no hello came")
)
