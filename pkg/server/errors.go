package server

import (
	"errors"

	"github.com/evenkv/nkv/pkg/eve"
	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/server/access"
	"github.com/evenkv/nkv/pkg/wire"
)

// Errors of Start. They come wrapped with what was tried and what to do.
var (
	// ErrInvalidOption: an option that can't be taken; the message names it.
	ErrInvalidOption = errors.New("invalid option")
	// ErrNATSConfig: the NATS configuration file can't be read, or sets what the
	// server sets itself.
	ErrNATSConfig = errors.New("invalid NATS configuration")
	// ErrNotReady: the embedded NATS server did not come up.
	ErrNotReady = errors.New("NATS server is not ready")
)

// refusal is how an error is answered.
type refusal struct {
	is     error
	status wire.Status
	reason wire.Reason
}

// refusals maps errors to answers, the first that matches. What none matches is
// unavailable.
func refusals() []refusal {
	return []refusal{
		{errTooLarge, wire.StatusTooLarge, wire.ReasonTooLarge},
		{access.ErrDenied, wire.StatusForbidden, wire.ReasonDenied},
		{errNotOwner, wire.StatusForbidden, wire.ReasonNotOwner},
		{errIdentity, wire.StatusForbidden, wire.ReasonIdentity},
		{errVerb, wire.StatusNotFound, wire.ReasonVerb},
		{errVersion, wire.StatusBadRequest, wire.ReasonVersion},
		{errSnapshot, wire.StatusConflict, wire.ReasonSnapshot},
		{wire.ErrInvalidPath, wire.StatusBadRequest, wire.ReasonInvalid},
		{wire.ErrInvalidPattern, wire.StatusBadRequest, wire.ReasonInvalid},
		{wire.ErrInvalidHeader, wire.StatusBadRequest, wire.ReasonInvalid},
		{wire.ErrInvalidBody, wire.StatusBadRequest, wire.ReasonInvalid},
		{wire.ErrInvalidSubject, wire.StatusBadRequest, wire.ReasonInvalid},
		{eve.ErrName, wire.StatusBadRequest, wire.ReasonInvalid},
		{errEmpty, wire.StatusBadRequest, wire.ReasonInvalid},
		{nkv.ErrNotFound, wire.StatusNotFound, wire.ReasonNotFound},
		{nkv.ErrTableOwned, wire.StatusConflict, wire.ReasonOwned},
		{nkv.ErrRevision, wire.StatusPreconditionFailed, wire.ReasonRevision},
		{nkv.ErrFence, wire.StatusPreconditionFailed, wire.ReasonFence},
		{nkv.ErrUnknown, wire.StatusUnavailable, wire.ReasonUnknown},
	}
}

// Refusals that the endpoints make themselves.
var (
	errTooLarge = errors.New("value too large")
	errNotOwner = errors.New("not the owner")
	errIdentity = errors.New("unknown connection")
	errVerb     = errors.New("unknown verb")
	errVersion  = errors.New("unknown protocol version")
	errSnapshot = errors.New("snapshot is gone")
	errEmpty    = errors.New("value is empty")
)

func (s *Server) statusOf(err error) wire.Status { return s.refusal(err).status }

func (s *Server) refusal(err error) refusal {
	for _, r := range s.refusals {
		if errors.Is(err, r.is) {
			return r
		}
	}
	return refusal{err, wire.StatusUnavailable, wire.ReasonUnavailable}
}
