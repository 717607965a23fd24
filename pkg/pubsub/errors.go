package pubsub

import "errors"

// Errors of this package. They come wrapped with what was tried and what to do;
// match them with errors.Is. A driver's errors come through as they are.
var (
	// ErrType: a value of another type than the publication's, a pointer to one, or
	// one that can't be JSON. Nothing was changed.
	ErrType = errors.New("wrong type")
	// ErrUnknownKey: no such key.
	ErrUnknownKey = errors.New("unknown key")
	// ErrOptions: options that can't be taken; the message says which.
	ErrOptions = errors.New("invalid options")
)
