package client

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/pkg/wire"
)

// A pull that failed is tried again after pullFirst, then after ever longer
// pauses up to pullMost.
const (
	pullFirst = 10 * time.Millisecond
	pullMost  = time.Second
)

// Subscription is the reading end of one table, of one key, or of several
// tables. Next takes its changes, of which there are at most a few for each key
// however slow the taker is. Its methods are safe for concurrent use, but the
// order of changes only has a meaning for one taker.
type Subscription struct {
	c           *Client
	pattern     wire.Pattern
	spans       bool // more than one table
	fingerprint string
	sub         *nats.Subscription

	mu      sync.Mutex // guards the fields below
	views   map[string]*tableView
	order   []*tableView // by arrival
	turn    int          // of which table Next looks at first
	taken   Change       // table and revision of what the taker handles now; zero: nothing
	listed  bool         // of one that spans tables: all that there were are in views
	errors  uint64
	refused error // why the server does not let it read; nil: it does, or has not said yet
	synced  bool  // Synchronized was taken
	closed  bool

	onReady func() // nil: nobody asked for it

	ready chan struct{} // holds a token when there may be something to take
	kick  chan struct{} // holds a token when something must be pulled
	ctx   context.Context
	stop  context.CancelFunc
	done  chan struct{}
}

// SubscribeOption changes a subscription.
type SubscribeOption func(*Subscription)

// ReaderFingerprint tells the server the fingerprint of the reader's type, so
// that a trace can show when it differs from the owner's.
func ReaderFingerprint(fingerprint string) SubscribeOption {
	return func(s *Subscription) { s.fingerprint = fingerprint }
}

// OnReady makes the subscription call this whenever Next may have something new,
// so that one taker can serve many. It is called from NATS's goroutines and must
// not block.
func OnReady(ready func()) SubscribeOption {
	return func(s *Subscription) { s.onReady = ready }
}

// Subscribe follows what a pattern selects: a table ("agent.topic"), one key of
// it, or several tables ("agent.>", ">"). It returns at once; what is there comes
// as changes, in no matter which order server, owner and reader start.
func (c *Client) Subscribe(pattern string, given ...SubscribeOption) (*Subscription, error) {
	parsed, err := wire.ParsePattern(pattern)
	if err != nil {
		return nil, fmt.Errorf("%w: subscribe: %w", ErrInvalid, err)
	}
	s := &Subscription{
		c: c, pattern: parsed, views: map[string]*tableView{},
		ready: make(chan struct{}, 1), kick: make(chan struct{}, 1), done: make(chan struct{}),
	}
	for _, option := range given {
		option(s)
	}
	s.ctx, s.stop = context.WithCancel(c.ctx)
	if table, one := parsed.Table(); one {
		s.view(table)
	} else {
		s.spans = true
	}
	if err := c.addSubscription(s); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (c *Client) addSubscription(s *Subscription) error {
	sub, err := c.nc.Subscribe(s.pattern.EventSubject(), s.receive)
	if err != nil {
		return fmt.Errorf("%w: subscribe %s: %w", ErrClosed, s.pattern, err)
	}
	s.sub = sub
	if err := sub.SetPendingLimits(-1, inboxBytes); err != nil {
		return fmt.Errorf("%w: subscribe %s: %w", ErrClosed, s.pattern, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		sub.Unsubscribe() //nolint:errcheck // the connection is closing
		return fmt.Errorf("%w: the client", ErrClosed)
	}
	c.subscriptions[s] = struct{}{}
	c.work.Go(s.run)
	signal(s.kick)
	return nil
}

func signal(token chan struct{}) {
	select {
	case token <- struct{}{}:
	default:
	}
}

// view returns the view of a table, making it where there is none. The lock is
// held, or the subscription not shared yet.
func (s *Subscription) view(table string) *tableView {
	t := s.views[table]
	if t == nil {
		t = newTableView(table)
		s.views[table] = t
		s.order = append(s.order, t)
	}
	return t
}

// receive is NATS's callback: it files the event and signals.
func (s *Subscription) receive(m *nats.Msg) {
	e, err := s.readEvent(m)
	if err != nil {
		s.c.log.WithError(err).WithField("subject", m.Subject).Error("an event can't be read; its table is read again")
		s.doubt()
		signal(s.kick)
		return
	}
	s.mu.Lock()
	t := s.view(e.change.Table)
	pull := !t.receive(e) || s.spans && !t.pulled
	s.mu.Unlock()
	s.news()
	if pull {
		signal(s.kick)
	}
}

// news tells the taker that there may be something new.
func (s *Subscription) news() {
	signal(s.ready)
	if s.onReady != nil {
		s.onReady()
	}
}

// Ready returns a channel that holds a token whenever Next may have something
// new.
func (s *Subscription) Ready() <-chan struct{} { return s.ready }

// Next takes the oldest change that was not taken yet; false: there is none now.
// It never blocks. A change counts as handled when the next one is asked for.
func (s *Subscription) Next() (Change, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finish()
	for range s.order {
		t := s.order[s.turn%len(s.order)]
		s.turn = (s.turn + 1) % len(s.order) // the next table's turn, so that a busy one starves none
		c, ok := t.waiting.next()
		if !ok {
			continue
		}
		s.taken = Change{Table: c.Table, Revision: c.Revision}
		if c.Op == Synchronized {
			s.synced = true
		}
		return c, true
	}
	return Change{}, false
}

// finish notes that what was taken last is handled. The lock is held.
func (s *Subscription) finish() {
	if t := s.views[s.taken.Table]; t != nil {
		t.handled = max(t.handled, s.taken.Revision)
	}
	s.taken = Change{}
}

// Wait blocks until Next may have something new, or ctx is done. When the server
// does not let the subscription read, it returns that, ErrForbidden.
func (s *Subscription) Wait(ctx context.Context) error {
	if err := s.Refused(); err != nil {
		return err
	}
	select {
	case <-s.ready:
		return s.Refused()
	case <-ctx.Done():
		return ctx.Err()
	case <-s.ctx.Done():
		return fmt.Errorf("%w: the subscription %s", ErrClosed, s.pattern)
	}
}

// CountError counts a value that its reader could not decode, for traces.
func (s *Subscription) CountError() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errors++
}

// Current reports whether every table was pulled and is followed without a
// doubt: nothing that the server told is missing.
func (s *Subscription) Current() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.spans && !s.listed {
		return false
	}
	for _, t := range s.views {
		if !t.follow {
			return false
		}
	}
	return true
}

// State tells how far the subscription is.
func (s *Subscription) State() wire.SubscriptionState {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := wire.SubscriptionState{
		Pattern: s.pattern.String(), Heads: map[string]uint64{}, Handled: map[string]uint64{},
		Synchronized: s.synced, Errors: s.errors, Fingerprint: s.fingerprint,
	}
	for name, t := range s.views {
		pending := t.waiting.len()
		if s.taken.Table == name {
			pending++
		}
		state.Pending += pending
		state.Heads[name] = t.head
		state.Handled[name] = t.handled
		if pending == 0 {
			state.Handled[name] = t.head
		}
	}
	return state
}

// Close ends the subscription: no change comes any more. It is idempotent and
// returns when all has stopped.
func (s *Subscription) Close() {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	if first {
		if err := s.sub.Unsubscribe(); err != nil && s.c.nc.IsConnected() {
			s.c.log.WithError(err).WithField("subject", s.sub.Subject).Warn("the subscription did not end well")
		}
		s.c.mu.Lock()
		delete(s.c.subscriptions, s)
		s.c.mu.Unlock()
	}
	s.stop()
	<-s.done
}

// doubt makes every table be compared with the server's.
func (s *Subscription) doubt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listed = false
	for _, t := range s.views {
		t.doubt()
	}
}

// readEvent reads an event or a mark.
func (s *Subscription) readEvent(m *nats.Msg) (event, error) {
	table, token, err := wire.ParseEventSubject(m.Subject)
	if err != nil {
		return event{}, err
	}
	header := wire.Header(m.Header)
	e := event{change: Change{Table: table, Value: m.Data}, store: header.Get(wire.HeaderStore)}
	if e.change.Revision, _, err = header.Uint(wire.HeaderRevision); err != nil {
		return event{}, err
	}
	if e.previous, _, err = header.Uint(wire.HeaderPrevious); err != nil {
		return event{}, err
	}
	switch op := wire.Op(header.Get(wire.HeaderOp)); op {
	case wire.OpPut:
		e.change.Op = Put
	case wire.OpDelete:
		e.change.Op = Delete
	case wire.OpMark:
		return e, readMark(m.Data, &e.change)
	default:
		return event{}, fmt.Errorf("%w: %s is %q", ErrInvalid, wire.HeaderOp, op)
	}
	e.silent = !s.pattern.MatchKey(token)
	e.change.Key, err = wire.DecodeToken(token)
	return e, err
}
