package client

import (
	"errors"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/wire"
)

// wish is what one key is wanted to be. A newer wish of the key takes its place.
type wish struct {
	key       string
	value     []byte
	deleted   bool
	number    uint64        // in the order of the calls
	confirmed bool          // acknowledged under the current fence
	flying    bool          // sent under the current fence, not answered yet
	call      uint64        // of the sending
	sent      time.Time     // likewise
	settled   chan struct{} // closed at the first answer, good or bad
	err       error         // of that answer; read after settled is closed
	older     *wish         // of the key, whose place this one took before it was settled
	alone     bool          // its caller waits no more
}

// waiting returns the newest wish of a chain that is not settled and whose caller
// waits; nil: there is none. What nobody waits for is let go of, in all of the
// chain: a key that changes while the server is away must not cost more with each
// change. The publication's lock is held.
func (w *wish) waiting() *wish {
	for w != nil && w.alone {
		w = w.older
	}
	if w == nil || w.isSettled() {
		return nil // with it all that are older
	}
	w.older = w.older.waiting()
	return w
}

// restart is what the restart counter is wanted to be.
type restart struct {
	counter uint64
	wanted  bool // the owner said so; else it stays what it is
	*wish
}

// send sends a wish under the current fence. The lock is held, so that calls are
// sent in their order; a send mostly fills the connection's buffer, and never
// blocks for longer than writeWithin.
func (p *Publication) send(w *wish) {
	fence := p.fence
	header := wire.Header{}
	header.SetUint(wire.HeaderFence, fence)
	verb, target := wire.VerbPut, p.path(w.key)
	if w.deleted {
		verb = wire.VerbDelete
	}
	w.flying, w.sent = true, time.Now()
	var err error
	w.call, err = p.c.send(verb, target, header, w.value, func(a answer) { p.answered(w, fence, a) })
	switch {
	case err == nil:
	case errors.Is(err, ErrTooLarge):
		p.reject(w, err)
	default:
		w.flying = false
		p.lose(fence, err)
	}
}

// reject gives up a wish that the server will never take; what the key is
// instead, the next opening finds. The lock is held.
func (p *Publication) reject(w *wish, err error) {
	if p.wanted[w.key] == w {
		delete(p.wanted, w.key)
	}
	if w.alone {
		p.c.log.WithError(err).WithFields(logrus.Fields{"table": p.table, "key": w.key, "size": len(w.value)}).
			Error("a change that was called for while the server was away is refused, and lost")
	}
	w.settle(fmt.Errorf("publish %s: %w", p.path(w.key), err))
	p.lose(p.fence, err)
}

// answered takes the server's answer to a wish.
func (p *Publication) answered(w *wish, fence uint64, a answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	valid := fence == p.fence
	if valid {
		w.flying = false
	}
	switch {
	case a.err == nil, w.deleted && errors.Is(a.err, ErrNotFound):
		p.refusals = 0
		w.confirmed = valid
		if w.deleted && valid && p.wanted[w.key] == w {
			delete(p.wanted, w.key)
		}
		w.settle(nil)
		if !p.restart.wanted || p.restart.confirmed {
			return
		}
	case errors.Is(a.err, ErrFence), errors.Is(a.err, ErrTableOwned):
		p.lose(fence, a.err)
	case errors.Is(a.err, ErrInvalid), errors.Is(a.err, ErrTooLarge), errors.Is(a.err, ErrForbidden):
		p.reject(w, a.err)
	case errors.Is(a.err, ErrUnavailable), errors.Is(a.err, ErrUnconfirmed):
		if p.refused == nil { // however many were refused, it is one pause
			p.refusals++
		}
		p.refused = a.err
		w.settle(fmt.Errorf("publish %s, which stays wanted: %w", p.path(w.key), a.err))
	}
	signal(p.kick)
}

// settle tells the caller the first answer, and the callers whose wishes this one
// took the place of: what they wanted is not wanted any more. The publication's
// lock is held.
func (w *wish) settle(err error) {
	for ; w != nil; w = w.older {
		select {
		case <-w.settled:
			return
		default:
			w.err = err
			close(w.settled)
		}
	}
}

func (w *wish) isSettled() bool {
	select {
	case <-w.settled:
		return true
	default:
		return false
	}
}

// lose forgets a fence that is not valid any more; the table is opened again.
func (p *Publication) lose(fence uint64, why error) {
	if p.fence == fence {
		p.fence, p.trouble = 0, why
		signal(p.kick)
	}
}

// overdue gives up a fence under which a change was sent that was not answered in
// time, because it or its answer was lost: the next opening finds what became of
// it.
func (p *Publication) overdue() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.wanted {
		if w.flying && time.Since(w.sent) >= p.c.opts.timeout {
			w.flying = false
			p.c.calls.take(w.call)
			p.lose(p.fence, fmt.Errorf("%w: %s; the table is opened again", ErrNoAnswer, p.path(w.key)))
		}
	}
}
