package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/evenkv/nkv/pkg/wire"
)

// run keeps the table open and as it is wanted, until the publication ends.
func (p *Publication) run() {
	defer close(p.done)
	defer p.hearMarks()()
	overdue := time.NewTicker(max(p.c.opts.timeout/2, time.Millisecond))
	defer overdue.Stop()
	pause := retryFirst
	for {
		select {
		case <-p.kick:
		case <-overdue.C:
			p.overdue()
			continue
		case <-p.ctx.Done():
			return
		}
		again, err := p.settle()
		if err == nil {
			pause = retryFirst
			continue
		}
		if p.hopeless(err) {
			if !p.patient {
				return
			}
			p.refuseOnce()
		}
		if again == 0 {
			again = pause
			pause = min(2*pause, retryMost)
		}
		select {
		case <-time.After(again):
		case <-p.renewed:
			pause = retryFirst
		case <-p.ctx.Done():
			return
		}
		signal(p.kick)
	}
}

// hopeless reports whether the first opening can't succeed by waiting. Once the
// table was open, nothing is: it is tried for ever.
func (p *Publication) hopeless(err error) bool {
	select {
	case <-p.opened:
		return false
	default:
	}
	var refused *Error
	if !errors.As(err, &refused) {
		return false
	}
	switch {
	case errors.Is(err, ErrTableOwned):
		return refused.RetryAfter == 0
	case errors.Is(err, ErrUnavailable), errors.Is(err, ErrUnconfirmed):
		return false
	}
	return true
}

// refuseOnce tells who waits that the table is another's.
func (p *Publication) refuseOnce() {
	select {
	case <-p.stuck:
	default:
		close(p.stuck)
	}
}

// settle opens the table when it is not open, and sends what is not confirmed.
// With an error, it is to be tried again, after the returned time when that is
// not zero.
func (p *Publication) settle() (again time.Duration, err error) {
	if p.ended() {
		return 0, nil // Close gives the table up; it must not be opened again
	}
	if p.Fence() == 0 {
		if err := p.open(); err != nil {
			p.displaced(err)
			var refused *Error
			if errors.As(err, &refused) {
				again = refused.RetryAfter
			}
			if errors.Is(err, ErrDisconnected) {
				again = retryMost // the connection's return comes first
			}
			return again, err
		}
	}
	return p.sendAll()
}

// displaced notes why the table can't be opened. When another instance holds it,
// nobody waits for an acknowledgement in vain.
func (p *Publication) displaced(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trouble = err
	if !errors.Is(err, ErrTableOwned) {
		return
	}
	for _, w := range p.wanted {
		if !w.confirmed {
			w.settle(fmt.Errorf("publish %s, which stays wanted: %w", p.path(w.key), err))
		}
	}
}

// open opens the table, reads it, and settles what differs from what is wanted:
// keys that this publication never knew are adopted.
func (p *Publication) open() error {
	p.mu.Lock()
	connections := p.connections
	p.mu.Unlock()
	opening, err := p.c.openTable(p.ctx, p.table, nil, p.request)
	if err != nil {
		return err
	}
	if p.ended() { // Close came meanwhile and had no fence to give up
		return p.giveBack(opening.Fence)
	}
	found, err := p.c.pull(p.ctx, p.table, "")
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if found.info.Fence != opening.Fence || p.told > opening.Fence {
		return fmt.Errorf("%w: table %s was opened by another meanwhile", ErrFence, p.table)
	}
	if p.closed {
		return fmt.Errorf("%w: the publication of %s", ErrClosed, p.table)
	}
	if p.connections != connections { // what was read may be of a server that is gone
		return fmt.Errorf("%w: it broke while table %s was opened", ErrDisconnected, p.table)
	}
	p.adopt(found)
	p.fence, p.trouble = opening.Fence, nil
	p.refused, p.refusals = nil, 0 // what refused before has taken the opening
	select {
	case <-p.opened:
	default:
		close(p.opened)
	}
	return nil
}

// giveBack gives up a table that was opened while the publication was closed.
func (p *Publication) giveBack(fence uint64) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), closeWithin)
	defer cancel()
	return errors.Join(fmt.Errorf("%w: the publication of %s", ErrClosed, p.table), p.c.Release(ctx, p.name, fence))
}

// adopt compares a snapshot with what is wanted. The lock is held.
func (p *Publication) adopt(found *snapshot) {
	present := make(map[string]wire.Record, len(found.records))
	for _, r := range found.records {
		present[r.Key] = r
		if p.wanted[r.Key] == nil {
			p.wanted[r.Key] = &wish{key: r.Key, value: r.Value, settled: make(chan struct{})}
		}
	}
	for key, w := range p.wanted {
		r, there := present[key]
		w.flying = false
		w.confirmed = there != w.deleted && (w.deleted || bytes.Equal(r.Value, w.value))
		if !w.confirmed {
			continue
		}
		w.settle(nil)
		if w.deleted {
			delete(p.wanted, key)
		}
	}
	switch {
	case !p.restart.wanted:
		p.restart.counter = found.info.Restart
	case p.restart.counter == found.info.Restart:
		p.restart.confirmed = true
		p.restart.settle(nil)
	default:
		p.restart.confirmed = false
	}
}

// sendAll sends what is neither confirmed nor under way, in the order of the
// calls, and the restart counter when all that was called for before it is
// confirmed. After a refusal it first asks for a pause.
func (p *Publication) sendAll() (again time.Duration, err error) {
	p.mu.Lock()
	if p.refused != nil {
		defer p.mu.Unlock()
		err, p.refused = p.refused, nil
		return backoff(p.refusals), err
	}
	var unsent []*wish
	before := 0 // unconfirmed changes that the restart counter must wait for
	for _, w := range p.wanted {
		if w.confirmed {
			continue
		}
		if p.restart.wanted && w.number < p.restart.number {
			before++
		}
		if !w.flying {
			unsent = append(unsent, w)
		}
	}
	slices.SortFunc(unsent, func(a, b *wish) int { return cmp.Compare(a.number, b.number) })
	for _, w := range unsent {
		if p.fence != 0 {
			p.send(w)
		}
	}
	mark := before == 0 && p.fence != 0 && p.restart.wanted && !p.restart.confirmed
	fence, wanted := p.fence, p.restart
	p.mu.Unlock()
	if mark {
		return 0, p.sendRestart(fence, wanted)
	}
	return 0, nil
}

// backoff returns the pause after so many refusals in a row.
func backoff(refusals int) time.Duration {
	return min(retryMost, retryFirst<<min(max(refusals-1, 0), 10))
}

// sendRestart sets the restart counter and waits for the answer.
func (p *Publication) sendRestart(fence uint64, wanted restart) error {
	header := wire.Header{}
	header.SetUint(wire.HeaderFence, fence)
	body, err := json.Marshal(wire.MarkRequest{Restart: wanted.counter})
	if err != nil {
		return err
	}
	_, err = p.c.call(p.ctx, wire.VerbMark, p.table, header, body)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err == nil:
		wanted.confirmed = fence == p.fence
		wanted.settle(nil)
	case errors.Is(err, ErrFence), errors.Is(err, ErrTableOwned):
		p.lose(fence, err)
	case errors.Is(err, ErrUnavailable):
		wanted.settle(fmt.Errorf("the restart counter of %s, which stays wanted: %w", p.table, err))
	}
	return err
}
