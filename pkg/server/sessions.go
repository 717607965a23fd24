package server

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/server/access"
	"github.com/evenkv/nkv/pkg/wire"
)

// session is what the server knows of a client: all living connections with one
// instance. A client has two for a moment, when it reconnects before the server
// has noticed that the old connection is gone.
type session struct {
	instance    string // secret: it is the way to the client's inboxes
	identity    nkv.Instance
	connections int
	access      atomic.Pointer[access.Access] // what it may do; nil: everything
	audited     bucket
	cut         atomic.Bool // its connections are being cut; what they ask is not answered any more
}

// sessions knows who is connected. It is also the embedded NATS server's
// authenticator. Safe for concurrent use.
type sessions struct {
	internal string     // the token of the server's own connections
	system   string     // likewise, of the one that hears of connections
	nkv0     *protocol0 // nil: it is not served
	logins   *logins    // nil: there is no access control
	audit    *audit
	ns       *natsserver.Server
	arrived  func(id string) // called for each connection, before it can ask
	departed func(id string) // called when it is gone

	mu           sync.RWMutex // guards the maps and session.connections
	byInstance   map[string]*session
	byConnection map[uint64]*session
	sides        map[uint64]bool // by connection, while nkv0 is served or there is access control: whether it is in nkv0's account
}

func newSessions(audit *audit) *sessions {
	return &sessions{
		internal: rand.Text(), system: rand.Text(), audit: audit,
		byInstance: map[string]*session{}, byConnection: map[uint64]*session{}, sides: map[uint64]bool{},
	}
}

// identityOf hides an instance: what is stored and shown is not the secret. With
// access control an instance is another's under another identity, whoever knows it.
func identityOf(instance, agent, identity string) nkv.Instance {
	if identity != "" {
		instance += "\x00" + identity
	}
	sum := sha256.Sum256([]byte(instance))
	return nkv.Instance{ID: hex.EncodeToString(sum[:16]), Agent: agent}
}

// Check admits a connection and sets what it may do. NATS calls it for each.
func (s *sessions) Check(c natsserver.ClientAuthentication) bool {
	opts := c.GetOpts()
	if (s.nkv0 != nil || s.logins != nil) && !s.stays(c) {
		s.audit.refuse(nil, logrus.Fields{"agent": shortened(opts.Name)}, fmt.Errorf("%w: it introduces itself anew", errIdentity))
		return false
	}
	s.remove(c.GetID()) // a client may introduce itself anew
	switch {
	case c.Kind() == natsserver.CLIENT && same(opts.Token, s.internal):
		c.RegisterUser(&natsserver.User{Username: "nkv-server"})
	case c.Kind() == natsserver.CLIENT && same(opts.Token, s.system):
		c.RegisterUser(&natsserver.User{Username: "nkv-server", Account: s.ns.SystemAccount()})
	case s.nkv0.own(c):
		c.RegisterUser(&natsserver.User{Username: "nkv-server", Account: s.nkv0.account})
	case s.nkv0.client(c):
		c.RegisterUser(&natsserver.User{Permissions: permissions0(), Account: s.nkv0.account})
	case s.logins != nil:
		return s.login(c)
	case c.Kind() == natsserver.CLIENT && wire.ValidInstance(opts.Token):
		s.add(c.GetID(), opts.Token, opts.Name, nil)
		c.RegisterUser(&natsserver.User{Permissions: permissions(opts.Token, nil)})
	default:
		c.RegisterUser(&natsserver.User{Permissions: listenOnly()})
	}
	return true
}

// stays notes on which side of nkv0's wall a connection is, and reports whether it
// was there before, if it was. It can't change: NATS would keep in the one account
// what it subscribed to there. With access control a connection introduces itself
// once: what it was let to do as one, it would go on doing as another.
func (s *sessions) stays(c natsserver.ClientAuthentication) bool {
	inside := s.nkv0.own(c) || s.nkv0.client(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	before, seen := s.sides[c.GetID()]
	s.sides[c.GetID()] = inside
	return !seen || before == inside && s.logins == nil
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// permissions are the wall around a client: it asks and hears its own inboxes and
// events, with access control those of tables that it may read, and nothing else.
// Only the server publishes events and answers.
//
// NATS refuses a subscription that reaches over what is allowed, and one that lies
// in what is denied. From one that reaches over something denied it leaves that
// out, message by message.
func permissions(instance string, may *access.Access) *natsserver.Permissions {
	subscribe := &natsserver.SubjectPermission{Allow: []string{wire.InboxPrefix(instance) + ".>"}}
	allow, deny := may.Listen()
	for _, pattern := range allow {
		subscribe.Allow = append(subscribe.Allow, eventsOf(pattern))
	}
	for _, pattern := range deny {
		subscribe.Deny = append(subscribe.Deny, eventsOf(pattern))
	}
	return &natsserver.Permissions{
		Publish: &natsserver.SubjectPermission{
			Allow: []string{wire.Root + ">"},
			Deny:  []string{wire.Root + "*.event.>"},
		},
		Subscribe: subscribe,
	}
}

// eventsOf returns the subject of the events of tables; see access.Access.Listen.
func eventsOf(pattern string) string {
	if strings.HasSuffix(pattern, ">") {
		return wire.EventPrefix + pattern
	}
	return wire.TableEvents(pattern)
}

// listenOnly is for a connection that names no instance: it could not hear an
// answer, but it may watch.
func listenOnly() *natsserver.Permissions {
	return &natsserver.Permissions{
		Publish:   &natsserver.SubjectPermission{Deny: []string{">"}},
		Subscribe: &natsserver.SubjectPermission{Allow: []string{wire.EventPrefix + ">"}},
	}
}

// add notes whose a connection is. It returns false when its instance is that of
// another identity or agent: with access control it is nobody else's.
func (s *sessions) add(connection uint64, instance, agent string, may *access.Access) bool {
	identity := identityOf(instance, agent, may.Identity())
	// First, as whoever finds the connection may tell that it is gone.
	s.arrived(identity.ID)
	if s.join(connection, instance, identity, may) {
		return true
	}
	s.departed(identity.ID)
	return false
}

func (s *sessions) join(connection uint64, instance string, identity nkv.Instance, may *access.Access) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.logins != nil && !s.logins.current(may) {
		return false // the rules have changed meanwhile
	}
	found := s.byInstance[instance]
	switch {
	case found == nil || found.cut.Load():
		found = &session{instance: instance, identity: identity, audited: bucket{burst: auditClientBurst, rate: auditClientRate}}
		found.access.Store(may)
		s.byInstance[instance] = found
	case s.logins != nil && found.identity != identity:
		return false
	}
	found.connections++
	s.byConnection[connection] = found
	return true
}

// gone forgets a connection that has ended.
func (s *sessions) gone(connection uint64) {
	s.remove(connection)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sides, connection)
}

// remove forgets whose a connection is. One that is not known is none of a client.
func (s *sessions) remove(connection uint64) {
	s.mu.Lock()
	found := s.byConnection[connection]
	if found == nil {
		s.mu.Unlock()
		return
	}
	delete(s.byConnection, connection)
	if found.connections--; found.connections == 0 && s.byInstance[found.instance] == found {
		delete(s.byInstance, found.instance)
	}
	s.mu.Unlock()
	s.departed(found.identity.ID)
}

// sweep forgets connections whose end was not told.
func (s *sessions) sweep() {
	s.mu.RLock()
	var gone []uint64
	for _, connection := range slices.AppendSeq(slices.Collect(maps.Keys(s.byConnection)), maps.Keys(s.sides)) {
		if s.ns.GetClient(connection) == nil {
			gone = append(gone, connection)
		}
	}
	s.mu.RUnlock()
	for _, connection := range gone {
		s.gone(connection)
	}
}

// asker returns the session that a request's reply subject belongs to; nil: none.
func (s *sessions) asker(reply string) *session {
	instance, ok := wire.InboxInstance(reply)
	if !ok {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byInstance[instance]
}

// connected returns the session of a connection; nil: it is none of a client.
func (s *sessions) connected(connection uint64) *session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byConnection[connection]
}

// connectionOf returns a connection of an identity; 0: none.
func (s *sessions) connectionOf(id string) uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for connection, found := range s.byConnection {
		if found.identity.ID == id {
			return connection
		}
	}
	return 0
}

func (s *sessions) count() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.byConnection)
}
