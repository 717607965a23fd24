package nkv

import (
	"fmt"
	"time"
)

// opRelease ends the ownership under Fence of an owner that did not come back.
const opRelease Op = -1

// open makes the request's instance the table's owner, with a new fence that is
// also the revision of the mark.
func (b *batch) open(r Request) Result {
	s := b.table(r.Table, false)
	if s == nil {
		s = b.table(r.Table, true)
	} else if err := b.mayOpen(s, r); err != nil {
		return Result{Err: err}
	}
	s.meta.Durable = b.lane == b.core.durable
	s.meta.Opened, s.meta.Owned = true, true
	s.meta.Owner = r.Instance
	s.meta.Fingerprint = r.Fingerprint
	s.meta.Fence = b.core.revision + 1
	result := b.tell(s)
	result.Fence = s.meta.Fence
	return result
}

func (b *batch) mayOpen(s *staged, r Request) error {
	if !s.meta.Owned || s.meta.Owner.ID == r.Instance.ID || r.Force {
		return nil
	}
	err := b.owned(s)
	if !err.Owner.Connected && err.RetryAfter <= 0 {
		return nil
	}
	return err
}

// opened reports whether the batch opened the table.
func (b *batch) opened(s *staged) bool {
	return s.meta.Owned && s.meta.Fence != s.table.meta.Fence
}

// owned says who owns the table, which somebody does.
func (b *batch) owned(s *staged) *OwnedError {
	err := &OwnedError{Table: s.table.name, Owner: *b.info(s).Owner}
	switch {
	case err.Owner.Connected:
	case b.opened(s), b.core.holding:
		err.RetryAfter = b.core.grace
	default:
		err.RetryAfter = max(0, time.Until(s.table.gone.Add(b.core.grace)))
	}
	return err
}

func (b *batch) close(r Request) Result {
	s := b.table(r.Table, false)
	if s == nil {
		return Result{Err: fmt.Errorf("%w: table %s", ErrNotFound, r.Table)}
	}
	if !s.holds(r) {
		return Result{Err: fmt.Errorf("%w: fence %d of table %s; only its owner closes a table", ErrFence, r.Fence, r.Table)}
	}
	s.meta.Owned = false
	return b.tell(s)
}

// release does nothing when the owner came back, or another one came, meanwhile.
func (b *batch) release(r Request) Result {
	s := b.table(r.Table, false)
	if s == nil || !s.meta.Owned || s.meta.Fence != r.Fence || b.core.connected(s.meta.Owner) {
		return Result{}
	}
	s.meta.Owned = false
	return b.tell(s)
}

// WatchOwners has told called with the description of every table that has an
// owner now, and then of each table whenever it is opened or closed, or its
// owner's connection goes or comes back: Owner says which. Table, Durable, Fence
// and Owner are as they are then. told is called from the core's goroutine, before
// the change is answered, and must not block. A second call replaces the first;
// nil ends it.
func (c *Core) WatchOwners(told func(Info)) {
	c.post(func() {
		c.owners = told
		for _, t := range c.tables {
			if t.meta.Owned {
				c.tellOwner(t)
			}
		}
	})
}

// tellOwner tells who owns a table, or that nobody does.
func (c *Core) tellOwner(t *table) {
	if c.owners != nil {
		c.owners(c.info(t, t.meta))
	}
}

func (c *Core) tellOwned(instance string) {
	for _, t := range c.tables {
		if t.meta.Owned && t.meta.Owner.ID == instance {
			c.tellOwner(t)
		}
	}
}

func (c *Core) connected(owner Instance) bool { return c.instances[owner.ID] > 0 }

func (c *Core) arrived(instance string) {
	if c.instances[instance]++; c.instances[instance] == 1 && c.owners != nil {
		c.tellOwned(instance)
	}
}

// ownerChanged follows an opening. The owner's connection may be gone already.
func (c *Core) ownerChanged(t *table) {
	t.since, t.gone = time.Now(), time.Time{}
	if !c.connected(t.meta.Owner) {
		t.gone = t.since
		c.scheduleExpiry()
	}
}

func (c *Core) disconnected(instance string) {
	if c.instances[instance]--; c.instances[instance] > 0 {
		return
	}
	delete(c.instances, instance)
	now := time.Now()
	for _, t := range c.tables {
		if t.meta.Owned && t.meta.Owner.ID == instance {
			t.gone = now
		}
	}
	if c.owners != nil {
		c.tellOwned(instance)
	}
	c.scheduleExpiry()
}

// StartGrace begins the grace of all owners that are not connected, after
// Options.HoldGrace.
func (c *Core) StartGrace() {
	c.post(func() {
		c.holding = false
		now := time.Now()
		for _, t := range c.tables {
			if c.abandoned(t) {
				t.gone = now
			}
		}
		c.scheduleExpiry()
	})
}

// scheduleExpiry sets the timer to the earliest end of a grace.
func (c *Core) scheduleExpiry() {
	var earliest time.Time
	if c.holding {
		c.expiry.Stop()
		return
	}
	for _, t := range c.tables {
		if c.abandoned(t) && (earliest.IsZero() || t.gone.Before(earliest)) {
			earliest = t.gone
		}
	}
	if earliest.IsZero() {
		c.expiry.Stop()
		return
	}
	c.expiry.Reset(max(time.Millisecond, time.Until(earliest.Add(c.grace))))
}

func (c *Core) abandoned(t *table) bool {
	return t.meta.Owned && !t.gone.IsZero() && !c.connected(t.meta.Owner)
}

// expireOwners gives up the tables whose owners' grace is over. A release that a
// store refuses is tried again after another grace.
func (c *Core) expireOwners() {
	now := time.Now()
	for _, t := range c.tables {
		if !c.abandoned(t) || now.Before(t.gone.Add(c.grace)) {
			continue
		}
		t.gone = now
		c.change(Request{Op: opRelease, Table: t.name, Fence: t.meta.Fence, Done: func(Result) {}})
	}
	c.scheduleExpiry()
}

// change queues a change that the core makes itself.
func (c *Core) change(r Request) {
	c.mu.Lock()
	c.waiting = append(c.waiting, task{request: r})
	c.mu.Unlock()
	c.signal()
}
