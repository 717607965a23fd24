package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/server/access"
	"github.com/evenkv/nkv/pkg/server/join"
	"github.com/evenkv/nkv/pkg/wire"
)

// logins says who a connection is, by the agents file. Safe for concurrent use.
type logins struct {
	file    *access.File
	secrets *access.Logins
	peers   *peers
	rules   atomic.Pointer[access.Rules] // replaced under the lock of sessions
	reload  sync.Mutex                   // held from reading the file until its rules are in force
}

// refusalDelay is how long a refusal is held back. A client writes more behind its
// introduction, and where that fails, as the connection is closed already, it reports
// a broken pipe in place of the reason.
const refusalDelay = 10 * time.Millisecond

// openLogins reads the agents file, if there is one.
func (s *Server) openLogins() error {
	if s.opts.Agents == "" {
		return nil
	}
	file, rules, err := access.OpenFile(s.opts.Agents)
	if err != nil {
		return fmt.Errorf("%w: Agents: %w", ErrInvalidOption, err)
	}
	l := &logins{file: file, secrets: access.NewLogins(), peers: newPeers()}
	l.rules.Store(rules)
	s.sessions.logins = l
	return nil
}

// current reports whether what an identity may do comes from the rules in force.
func (l *logins) current(may *access.Access) bool { return may == nil || may.Of(l.rules.Load()) }

// login admits a connection when the agents file has somebody who can prove to be
// it. It says nothing of why not: that is in the log.
func (s *sessions) login(c natsserver.ClientAuthentication) bool {
	opts, rules := c.GetOpts(), s.logins.rules.Load()
	who, err := s.logins.identify(c, rules)
	var may *access.Access
	switch {
	case err != nil:
	case !wire.ValidInstance(opts.Token):
		err = fmt.Errorf("%w: its token is no instance: %d to %d letters, drawn at random", errIdentity, wire.MinInstance, wire.MaxName)
	case who != nil:
		may, err = rules.As(who, opts.Name)
	}
	if err == nil && !s.add(c.GetID(), opts.Token, opts.Name, may) {
		err = fmt.Errorf("%w: its instance is another's, or the rules have just changed", errIdentity)
	}
	if err != nil {
		s.audit.refuse(nil, s.logins.fields(c), fmt.Errorf("a login: %w", err))
		time.Sleep(refusalDelay)
		return false
	}
	c.RegisterUser(&natsserver.User{Username: may.Identity(), Permissions: permissions(opts.Token, may)})
	return true
}

// identify returns who can prove to be at the other end; nil: this process itself.
// A wrong proof does not fall back on another one.
func (l *logins) identify(c natsserver.ClientAuthentication, rules *access.Rules) (*access.Identity, error) {
	opts := c.GetOpts()
	if c.Kind() != natsserver.CLIENT {
		return nil, fmt.Errorf("%w: it is no client", access.ErrCredentials)
	}
	switch {
	case opts.Nkey != "" || opts.Sig != "":
		return rules.NKey(opts.Nkey, opts.Sig, c.GetNonce())
	case opts.Username != "" || opts.Password != "":
		return l.secrets.Password(rules, opts.Username, opts.Password, place(l.from(c)))
	}
	who, known := l.peers.find(c.GetID())
	switch {
	case known && who.own:
		return nil, nil
	case known && who.Known:
		return rules.Peer(who.UID, who.GID)
	}
	return nil, fmt.Errorf("%w: it gives neither user and password nor an nkey", access.ErrCredentials)
}

// from names the place that a connection comes from: a process or a host.
func (l *logins) from(c natsserver.ClientAuthentication) string {
	if who, known := l.peers.find(c.GetID()); known {
		return "uid " + strconv.FormatUint(uint64(who.UID), 10) + " pid " + strconv.Itoa(int(who.PID))
	}
	address := c.RemoteAddress()
	if address == nil {
		return "nowhere"
	}
	host, _, err := net.SplitHostPort(address.String())
	if err != nil {
		return address.String()
	}
	return host
}

// place is as much of where a connection comes from as can't be chosen freely there:
// a process has all loopback addresses, and a host in an IPv6 network the lower half
// of all of that network's.
func place(from string) string {
	address, err := netip.ParseAddr(from)
	if err != nil {
		return from
	}
	switch address = address.Unmap().WithZone(""); {
	case address.IsLoopback():
		return "this machine"
	case address.Is6():
		return netip.PrefixFrom(address, 64).Masked().String()
	}
	return address.String()
}

// fields say who tried to log in. A user's name is what was claimed; a wrong one
// may be a password, so only one that is known is shown.
func (l *logins) fields(c natsserver.ClientAuthentication) logrus.Fields {
	opts := c.GetOpts()
	fields := logrus.Fields{"from": l.from(c), "agent": shortened(opts.Name)}
	if _, err := l.rules.Load().Named(opts.Username); err == nil {
		fields["identity"] = opts.Username
	}
	return fields
}

// ReloadAgents reads the agents file again. A wrong one leaves the rules in force
// as they are, and is an error. Connections of whoever may now do something else
// than before are cut; they come back by themselves, under the new rules.
func (s *Server) ReloadAgents() error { return s.reloadAgents(true) }

// reloadAgents reads the file if it has changed, or always.
func (s *Server) reloadAgents(always bool) error {
	l := s.sessions.logins
	if l == nil {
		return fmt.Errorf("%w: there is no agents file to read again", ErrInvalidOption)
	}
	l.reload.Lock()
	defer l.reload.Unlock()
	rules, err := l.file.Reload(always)
	if err != nil {
		s.log.WithError(err).Error("the agents file can't be taken; the rules of before stay in force")
		return err
	}
	if rules == nil {
		return nil
	}
	cut := s.sessions.rule(rules)
	l.secrets.Forget(rules)
	for _, connection := range cut {
		if err := s.ns.DisconnectClientByID(connection); err != nil {
			s.log.WithError(err).WithField("connection", connection).Debug("a connection was gone before it was cut")
		}
	}
	s.log.WithFields(logrus.Fields{"agents": l.file.Path(), "identities": len(rules.Identities()), "cut": len(cut)}).
		Info("the agents file was read; its rules are in force")
	return nil
}

// rule puts new rules into force, and returns the connections to cut: those of
// sessions that may not go on as they are. What these ask from now on does not
// count.
func (s *sessions) rule(rules *access.Rules) (cut []uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logins.rules.Store(rules)
	for connection, found := range s.byConnection {
		before := found.access.Load()
		if before == nil {
			continue // this process itself
		}
		after := rules.Again(before)
		if before.Same(after) {
			found.access.Store(after)
			continue
		}
		found.cut.Store(true)
		cut = append(cut, connection)
	}
	return cut
}

// watchAgents has the agents file read again when it changes.
func (s *Server) watchAgents(ctx context.Context) {
	err := s.sessions.logins.file.Watch(ctx, func() { s.reloadAgents(false) }) //nolint:errcheck // it is in the log
	if err != nil && !errors.Is(err, context.Canceled) {
		s.log.WithError(err).Error("changes of the agents file are not noticed; reload it by hand")
	}
}

// dialFor returns a connection to NATS for who came by the Unix socket.
func (s *Server) dialFor(who join.Peer) (net.Conn, error) {
	return s.dialAs(peer{Peer: who})
}

func (s *Server) dialAs(who peer) (net.Conn, error) {
	conn, err := s.ns.InProcessConn()
	if err != nil || s.sessions.logins == nil {
		return conn, err
	}
	return s.sessions.logins.peers.watch(conn, who), nil
}
