package backend

import (
	"errors"

	"github.com/evenkv/nkv/pkg/client"
)

// Errors of this package. They come wrapped with what was tried and what to do;
// match them with errors.Is. Those of pkg/client come wrapped, too.
var (
	// ErrName: a name that is no table's, or one that can't be persistent.
	ErrName = errors.New("invalid name")
	// ErrEmpty: a value without content.
	ErrEmpty = errors.New("empty value")
	// ErrNotLoaded: the server was not there in time to tell what a table holds.
	ErrNotLoaded = errors.New("not loaded")
)

// refusal is an error that says that the server will never take a value.
type refusal struct{ error }

// Refused tells pkg/pubsub that the value was not taken.
func (refusal) Refused() bool { return true }

// Unwrap returns the reason.
func (r refusal) Unwrap() error { return r.error }

// judge marks an error after which a value is not wanted any more.
func judge(err error) error {
	for _, never := range []error{client.ErrTooLarge, client.ErrInvalid, client.ErrForbidden, ErrEmpty} {
		if errors.Is(err, never) {
			return refusal{err}
		}
	}
	return err
}
