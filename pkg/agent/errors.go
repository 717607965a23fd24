package agent

import (
	"errors"

	"github.com/evenkv/nkv/pkg/client"
)

// Errors of this package. They come wrapped with what was tried, on what, and
// what to do; match them with errors.Is.
var (
	// ErrInvalidOption: an option that can't be taken; the message names it.
	ErrInvalidOption = errors.New("invalid option")
	// ErrType: a table's type does not survive a JSON round trip; the message
	// names the field.
	ErrType = errors.New("type can't be shared")
	// ErrEncode: a value can't be written as JSON; nothing was changed.
	ErrEncode = errors.New("value can't be encoded")
	// ErrDecode: a value is not one of the table's type. The error is a
	// DecodeError, which says which field. The value before stays.
	ErrDecode = errors.New("value can't be decoded")
	// ErrNotOwner: the table is another agent's.
	ErrNotOwner = errors.New("not the table's owner")
	// ErrRunning: the agent's event loop runs already; an agent has one.
	ErrRunning = errors.New("agent runs already")
)

// Errors of the way to the server, as pkg/client says them.
var (
	ErrDisconnected = client.ErrDisconnected
	ErrUnconfirmed  = client.ErrUnconfirmed
	ErrTableOwned   = client.ErrTableOwned
	ErrTooLarge     = client.ErrTooLarge
	ErrUnavailable  = client.ErrUnavailable
	ErrNotFound     = client.ErrNotFound
	ErrForbidden    = client.ErrForbidden
	ErrInvalid      = client.ErrInvalid
	ErrFence        = client.ErrFence
	ErrClosed       = client.ErrClosed // also of an agent that was closed
)
