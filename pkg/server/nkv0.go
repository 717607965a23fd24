package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/server/nkv0"
)

// account0 is the name of the NATS account of clients of nkv's first protocol. In
// it nothing of the others can be heard or sent.
const account0 = "nkv0"

// protocol0 serves clients of nkv's first protocol.
type protocol0 struct {
	account  *natsserver.Account
	token    string     // of the server's own connection in the account
	nc       *nats.Conn // their requests, answers and messages
	requests *nats.Subscription
	service  *nkv0.Service
}

// own reports whether a connection is the server's own in the account.
func (p *protocol0) own(c natsserver.ClientAuthentication) bool {
	return p != nil && c.Kind() == natsserver.CLIENT && same(c.GetOpts().Token, p.token)
}

// client reports whether a connection is of a client of the first protocol, which
// has no token.
func (p *protocol0) client(c natsserver.ClientAuthentication) bool {
	return p != nil && c.Kind() == natsserver.CLIENT && c.GetOpts().Token == ""
}

// permissions0 are the wall around a client of the first protocol: it asks, and
// hears what the server says in its account. Only the server publishes answers and
// messages about keys, and hears requests: one that another client heard would tell
// it where the answer is awaited.
func permissions0() *natsserver.Permissions {
	return &natsserver.Permissions{
		Publish:   &natsserver.SubjectPermission{Allow: []string{nkv0.Subjects}},
		Subscribe: &natsserver.SubjectPermission{Deny: []string{nkv0.Root + ">"}},
	}
}

// makeAccount0 makes the account, before anybody can connect.
func (s *Server) makeAccount0() error {
	if !s.opts.NKV0 {
		return nil
	}
	account, err := s.ns.RegisterAccount(account0)
	if err != nil {
		return fmt.Errorf("%w: account %s: %w", ErrNotReady, account0, err)
	}
	s.nkv0 = &protocol0{account: account, token: rand.Text()}
	s.sessions.nkv0 = s.nkv0
	return nil
}

// start0 makes what the first protocol needs but its subscription to requests.
func (s *Server) start0() error {
	if s.nkv0 == nil {
		return nil
	}
	var err error
	if s.nkv0.nc, err = s.connectSelf(s.nkv0.token); err != nil {
		return err
	}
	s.nkv0.service = nkv0.New(nkv0.Options{
		Core: s.core, Publish: s.nkv0.nc.Publish, Beside: func(f func()) { s.workers.Go(f) },
		Status: s.statusOf, MayPut: s.mayBeFile,
		MaxValue: s.opts.MaxValue, MaxMessage: int(s.nkv0.nc.MaxPayload()), Logger: s.log,
	})
	return nil
}

// serve0 begins to serve the first protocol.
func (s *Server) serve0(ctx context.Context) error {
	if s.nkv0 == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	if err := s.nkv0.service.Prepare(ctx); err != nil {
		s.log.WithError(err).WithField("table", nkv0.Table).Warn("the table of nkv's first protocol is not made durable yet")
	}
	var err error
	s.nkv0.requests, err = s.nkv0.nc.Subscribe(nkv0.Subjects, func(m *nats.Msg) {
		s.nkv0.service.Receive(m.Subject, m.Reply, m.Data)
	})
	err = errors.Join(err, s.nkv0.requests.SetPendingLimits(-1, inboundBytes), s.nkv0.nc.FlushTimeout(readyWithin))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotReady, err)
	}
	return nil
}

// notifier0 tells the first protocol's listeners.
type notifier0 struct{ server *Server }

// Notify tells one event, if the first protocol is served.
func (n notifier0) Notify(e nkv.Event) {
	select {
	case <-n.server.telling:
		if n.server.nkv0 != nil {
			n.server.nkv0.service.Notify(e)
		}
	default: // see notifier
	}
}
