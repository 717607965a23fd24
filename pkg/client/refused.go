package client

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/evenkv/nkv/pkg/wire"
)

// violation is how NATS says which subscription it refuses.
var violation = regexp.MustCompile(`(?i)subscription to "(\S+)"`)

// refuse takes NATS's word that a subscription may not be made, which comes to
// nobody in particular, for a 403 of the subscription that it is about. It returns
// false when there is none.
func (c *Client) refuse(err error) (found bool) {
	match := violation.FindStringSubmatch(err.Error())
	if match == nil {
		return false
	}
	for _, s := range c.openSubscriptions() {
		if s.sub.Subject != match[1] {
			continue
		}
		found = true
		s.refuse(fmt.Errorf("subscribe %s: %w", s.pattern, &Error{
			Status: wire.StatusForbidden, Reason: wire.ReasonDenied,
			Message: "denied: the events of " + s.pattern.String() + " reach over what may be read; subscribe to what is granted",
		}))
	}
	return found
}

// refuse notes that the server does not let the subscription be, on this
// connection. What it has, it keeps; with another connection it tries anew, as
// the server cuts those whose rights change.
func (s *Subscription) refuse(err error) {
	s.mu.Lock()
	first := s.refused == nil
	if first {
		s.refused = err
	}
	s.mu.Unlock()
	if first {
		s.c.log.WithError(err).WithField("pattern", s.pattern.String()).Warn("a subscription is refused")
		s.news()
	}
}

// Refused returns why the server does not let the subscription read, ErrForbidden;
// nil: it does, or has not said yet.
func (s *Subscription) Refused() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

// pardon forgets a refusal: there is a new connection, perhaps with other rights.
func (s *Subscription) pardon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = nil
}

// denied reports whether the server said that a rule does not allow it.
func denied(err error) bool {
	var refused *Error
	return errors.As(err, &refused) && refused.Reason == wire.ReasonDenied
}
