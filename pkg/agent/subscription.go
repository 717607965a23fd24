package agent

import (
	"bytes"
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkv/nkv/pkg/client"
)

// Handlers are called from the agent's event loop, never two at once. A nil one
// is left out. The values are the handler's own.
//
// A handler that returns an error is called again, after ever longer pauses, for
// the state that its key has then, until it returns nil or the key is gone and
// Delete returned nil.
type Handlers[T any] struct {
	// Create is called for a key that is new to this subscription.
	Create func(ctx context.Context, key string, v T) error
	// Modify is called when the value differs from the one that was accepted
	// last, which is old.
	Modify func(ctx context.Context, key string, v, old T) error
	// Delete is called when the key is gone, with the value that a handler got
	// last, if Create was called for it.
	Delete func(ctx context.Context, key string, old T) error
	// Synchronized is called once, after every key of the first snapshot was
	// handled; not before the owner has opened the table since boot (for a
	// durable table: ever).
	Synchronized func(ctx context.Context)
	// Restarted is called when the owner's restart counter has changed, after
	// every change that the owner made before that. 0: it was cleared.
	Restarted func(ctx context.Context, counter uint64)
}

// Call is one handler call, as an Observer sees it.
type Call struct {
	Table    string
	Op       string // "create", "modify", "delete", "synchronized", "restarted"
	Key      string
	Revision uint64
	Value    []byte // JSON of what the handler got; of a delete: the old value
	Counter  uint64 // of "restarted"
	Err      error  // what the handler returned
	Took     time.Duration
}

// Subscription is the reading end of a table. Its methods are safe for
// concurrent use.
type Subscription[T any] struct {
	agent    *Agent
	table    string
	handlers Handlers[T]
	sub      *client.Subscription
	retry    *time.Timer // wakes the loop for the earliest failed key

	closed       atomic.Bool
	synchronized atomic.Bool
	restarts     atomic.Uint64
	errors       atomic.Uint64

	failed map[string]*entry // keys whose handler failed; the loop's
	mu     sync.Mutex        // guards keys and, in its entries, shown
	keys   map[string]*entry
}

// entry is what a subscription knows of one key. The event loop owns it, but for
// shown.
type entry struct {
	wanted   []byte // the newest value; nil: the key is gone
	revision uint64
	created  bool   // Create was called in this life of the key
	given    []byte // what a handler got last
	accepted []byte // what a handler got when it last returned nil
	deleting bool   // Delete was called and failed; it must succeed first
	failures int    // in a row
	due      time.Time
	shown    []byte // what Get returns; nil: nothing
}

// Subscribe calls handlers for what is in a table and for each change of it, from
// Run. It does not wait: the owner and the server may start later. What T can't
// be is ErrType.
func Subscribe[T any](_ context.Context, a *Agent, t Table[T], handlers Handlers[T]) (*Subscription[T], error) {
	shape, err := t.check()
	if err != nil {
		return nil, err
	}
	s := &Subscription[T]{
		agent: a, table: t.String(), handlers: handlers,
		failed: map[string]*entry{}, keys: map[string]*entry{},
	}
	s.retry = time.AfterFunc(time.Hour, func() { a.hasWork(s) })
	s.retry.Stop()
	s.sub, err = a.client.Subscribe(s.table, client.ReaderFingerprint(shape.fingerprint), client.OnReady(func() { a.hasWork(s) }))
	if err != nil {
		return nil, err
	}
	if err := a.add(s); err != nil {
		s.sub.Close()
		return nil, err
	}
	a.hasWork(s)
	return s, nil
}

// step handles a key whose handler failed and whose pause is over, or the next
// change.
func (s *Subscription[T]) step(ctx context.Context) bool {
	if s.closed.Load() {
		return false
	}
	if s.again(ctx) {
		return true
	}
	c, ok := s.sub.Next()
	if !ok {
		return false
	}
	switch c.Op {
	case client.Put, client.Delete:
		e := s.entry(c.Key)
		e.wanted, e.revision = c.Value, c.Revision
		if c.Op == client.Delete {
			e.wanted = nil
		} else if e.wanted == nil {
			e.wanted = []byte{}
		}
		s.settle(ctx, c.Key, e)
	case client.Synchronized:
		s.restarts.Store(c.Info.Restart)
		s.synchronized.Store(true)
		if s.handlers.Synchronized != nil {
			s.call(Call{Op: "synchronized", Revision: c.Revision}, func() error {
				s.handlers.Synchronized(ctx)
				return nil
			})
		}
	case client.Restarted:
		s.restarts.Store(c.Info.Restart)
		if s.handlers.Restarted != nil {
			s.call(Call{Op: "restarted", Revision: c.Revision, Counter: c.Info.Restart}, func() error {
				s.handlers.Restarted(ctx, c.Info.Restart)
				return nil
			})
		}
	}
	return true
}

func (s *Subscription[T]) entry(key string) *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.keys[key]
	if e == nil {
		e = &entry{}
		s.keys[key] = e
	}
	return e
}

// settle calls the handlers that bring the agent from what it accepted of a key
// to what the key is.
func (s *Subscription[T]) settle(ctx context.Context, key string, e *entry) {
	if e.created && (e.deleting || e.wanted == nil) {
		if err := s.delete(ctx, key, e); err != nil {
			e.deleting = true
			s.fail(key, e, err)
			return
		}
		e.created, e.deleting, e.given, e.accepted, e.failures = false, false, nil, nil, 0
		delete(s.failed, key)
	}
	if e.wanted == nil {
		s.forget(key)
		return
	}
	if e.created && e.failures == 0 && bytes.Equal(e.wanted, e.accepted) {
		return
	}
	v, err := decode[T](s.table, key, e.wanted)
	if err != nil {
		s.undecodable(key, e, err)
		return
	}
	if err := s.hand(ctx, key, e, v); err != nil {
		s.fail(key, e, err)
		return
	}
	e.accepted, e.failures = e.given, 0
	delete(s.failed, key)
}

// hand calls Create until it has succeeded once, then Modify for what differs.
func (s *Subscription[T]) hand(ctx context.Context, key string, e *entry, v T) error {
	call := Call{Op: "create", Key: key, Revision: e.revision, Value: e.wanted}
	if e.accepted == nil {
		s.show(e, e.wanted)
		e.created, e.given = true, e.wanted
		return s.call(call, func() error {
			if s.handlers.Create == nil {
				return nil
			}
			return s.handlers.Create(ctx, key, v)
		})
	}
	old, err := decode[T](s.table, key, e.accepted)
	if err != nil {
		return err // it was decoded before
	}
	if e.failures == 0 && equal(v, old) {
		s.show(e, e.wanted)
		e.given = e.wanted
		return nil
	}
	s.show(e, e.wanted)
	e.given = e.wanted
	call.Op = "modify"
	return s.call(call, func() error {
		if s.handlers.Modify == nil {
			return nil
		}
		return s.handlers.Modify(ctx, key, v, old)
	})
}

func (s *Subscription[T]) delete(ctx context.Context, key string, e *entry) error {
	old, err := decode[T](s.table, key, e.given)
	if err != nil {
		return err // it was decoded before
	}
	s.show(e, nil)
	return s.call(Call{Op: "delete", Key: key, Revision: e.revision, Value: e.given}, func() error {
		if s.handlers.Delete == nil {
			return nil
		}
		return s.handlers.Delete(ctx, key, old)
	})
}

func (s *Subscription[T]) show(e *entry, value []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.shown = value
}

func (s *Subscription[T]) forget(key string) {
	delete(s.failed, key)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.keys, key)
}

// undecodable leaves a key as it was: the next good value heals it.
func (s *Subscription[T]) undecodable(key string, e *entry, err error) {
	s.errors.Add(1)
	s.sub.CountError()
	s.agent.log.WithError(err).WithField("revision", e.revision).Error("a value was left out; the one before stays")
	if !e.created {
		s.forget(key)
		return
	}
	e.wanted = e.given
}

// call runs one handler under the loop's watch.
func (s *Subscription[T]) call(c Call, handler func() error) error {
	start := time.Now()
	s.agent.watch.guard(c.Op+" of "+s.table, c.Key, func() { c.Err = handler() })
	if s.agent.opts.observer != nil {
		c.Table, c.Took = s.table, time.Since(start)
		s.agent.opts.observer(c)
	}
	return c.Err
}

// fail notes that a key's handler must be called again.
func (s *Subscription[T]) fail(key string, e *entry, err error) {
	pause := min(s.agent.opts.retryMost, s.agent.opts.retryFirst<<min(e.failures, 20))
	e.failures++
	e.due = time.Now().Add(pause)
	s.failed[key] = e
	s.agent.log.WithError(err).WithField("table", s.table).WithField("key", key).Warnf("a handler failed, %d times in a row; again in %s", e.failures, pause)
	s.schedule()
}

// again handles one key whose pause is over.
func (s *Subscription[T]) again(ctx context.Context) bool {
	if len(s.failed) == 0 {
		return false
	}
	now := time.Now()
	for key, e := range s.failed {
		if !e.due.After(now) {
			s.settle(ctx, key, e)
			s.schedule()
			return true
		}
	}
	return false
}

func (s *Subscription[T]) schedule() {
	var next time.Time
	for _, e := range s.failed {
		if next.IsZero() || e.due.Before(next) {
			next = e.due
		}
	}
	if next.IsZero() {
		s.retry.Stop()
		return
	}
	s.retry.Reset(max(0, time.Until(next)))
}

// Get returns the value of key that a handler got last, from the moment it is
// called; false: there is none. The value is the caller's own.
func (s *Subscription[T]) Get(key string) (T, bool) {
	var zero T
	s.mu.Lock()
	var data []byte
	if e := s.keys[key]; e != nil {
		data = e.shown
	}
	s.mu.Unlock()
	if data == nil {
		return zero, false
	}
	v, err := decode[T](s.table, key, data)
	return v, err == nil
}

// All yields every key with the value that a handler got last, as of the call, by
// key. The values are the caller's own.
func (s *Subscription[T]) All() iter.Seq2[string, T] {
	values := s.shown()
	return func(yield func(string, T) bool) {
		for _, key := range slices.Sorted(maps.Keys(values)) {
			v, err := decode[T](s.table, key, values[key])
			if err == nil && !yield(key, v) {
				return
			}
		}
	}
}

func (s *Subscription[T]) shown() map[string][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	values := make(map[string][]byte, len(s.keys))
	for key, e := range s.keys {
		if e.shown != nil {
			values[key] = e.shown
		}
	}
	return values
}

// Len returns how many keys All would yield.
func (s *Subscription[T]) Len() int { return len(s.shown()) }

// Synchronized reports whether every key of the first snapshot was handled; see
// Handlers.Synchronized.
func (s *Subscription[T]) Synchronized() bool { return s.synchronized.Load() }

// Restarts returns the owner's restart counter, as it was told last.
func (s *Subscription[T]) Restarts() uint64 { return s.restarts.Load() }

// Errors returns how many values could not be decoded.
func (s *Subscription[T]) Errors() uint64 { return s.errors.Load() }

// Close ends the subscription without calling handlers. It is idempotent.
func (s *Subscription[T]) Close() {
	s.closed.Store(true)
	s.retry.Stop()
	s.agent.drop(s)
	s.sub.Close()
}
