package nkv0

import "errors"

// Errors of this package. They come wrapped with what was tried and what to do.
var (
	// ErrInvalid: a request that can't be read.
	ErrInvalid = errors.New("invalid request")
	// ErrTooLarge: a value over the limit, or one that fits into no message.
	ErrTooLarge = errors.New("value too large")
)
