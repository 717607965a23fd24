package client

import (
	"errors"
	"fmt"
	"time"

	"github.com/evenkv/nkv/pkg/wire"
)

// Errors of this package. They come wrapped with what was tried, on what, and
// what to do; match them with errors.Is.
var (
	// ErrDisconnected: there is no connection to the server now. The request was
	// not sent. The client goes on trying to connect.
	ErrDisconnected = errors.New("no connection to the server")
	// ErrNoAnswer: the server did not answer a question in time.
	ErrNoAnswer = errors.New("no answer in time")
	// ErrUnconfirmed: a change was sent and it is not known whether it happened.
	// It happened entirely or not at all.
	ErrUnconfirmed = errors.New("change is unconfirmed")
	// ErrInvalid: the server can't read the request: a path, header or body.
	ErrInvalid = errors.New("invalid request")
	// ErrForbidden: the asker may not do that, or not be here: what it said of its
	// identity is wrong.
	ErrForbidden = errors.New("forbidden")
	// ErrNotFound: no such key or table.
	ErrNotFound = errors.New("not found")
	// ErrTableOwned: another instance owns the table; the message names it.
	ErrTableOwned = errors.New("table is owned")
	// ErrRevision: the key has another revision than expected; Error.Revision
	// has it.
	ErrRevision = errors.New("revision is not the expected one")
	// ErrFence: the table was opened by another since.
	ErrFence = errors.New("fence is not valid")
	// ErrTooLarge: the value is over the server's limit; nothing was changed.
	ErrTooLarge = errors.New("value too large")
	// ErrUnavailable: the server refuses changes now; nothing was changed.
	ErrUnavailable = errors.New("unavailable")
	// ErrVersion: the server speaks another version of the protocol.
	ErrVersion = errors.New("unknown protocol version or verb")
	// ErrClosed: the client, publication or subscription was closed.
	ErrClosed = errors.New("closed")
	// ErrInvalidOption: an option that can't be taken; the message names it.
	ErrInvalidOption = errors.New("invalid option")

	errSnapshotGone = errors.New("snapshot is gone")
)

// Error is a request that the server refused. It matches the sentinel error of
// its reason.
type Error struct {
	Status     wire.Status
	Reason     wire.Reason
	Message    string        // what happened and what to do, for people
	Revision   uint64        // with ErrRevision: what the key has; 0: it is not there
	RetryAfter time.Duration // when it is worth another try; 0: not said
}

// Error returns the server's message.
func (e *Error) Error() string { return fmt.Sprintf("%s (status %d)", e.Message, e.Status) }

// Unwrap returns the sentinel error of the reason.
func (e *Error) Unwrap() error {
	switch e.Reason {
	case wire.ReasonNotOwner, wire.ReasonIdentity, wire.ReasonDenied:
		return ErrForbidden
	case wire.ReasonNotFound:
		return ErrNotFound
	case wire.ReasonOwned:
		return ErrTableOwned
	case wire.ReasonSnapshot:
		return errSnapshotGone
	case wire.ReasonRevision:
		return ErrRevision
	case wire.ReasonFence:
		return ErrFence
	case wire.ReasonTooLarge:
		return ErrTooLarge
	case wire.ReasonUnknown:
		return ErrUnconfirmed
	case wire.ReasonVersion, wire.ReasonVerb:
		return ErrVersion
	case wire.ReasonInvalid:
		return ErrInvalid
	}
	return ErrUnavailable
}
