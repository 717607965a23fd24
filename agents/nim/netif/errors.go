package netif

import "errors"

// ErrFormat: a file does not list interfaces in the expected form.
var ErrFormat = errors.New("not a list of interfaces")
