package nkv

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/evenkv/nkv/pkg/store"
)

// A lane that broke is read again after reloadFirst, then after ever longer
// pauses up to reloadMost.
const (
	reloadFirst = 50 * time.Millisecond
	reloadMost  = 5 * time.Second
)

// lane is a store and what waits for it. The core's goroutine owns it, but the
// store while flying or broken is set: then the lane's goroutine does.
type lane struct {
	name    string
	store   store.PersistValue
	queue   []Request             // of the durable lane: arrived, not yet checked
	queued  int                   // bytes of the values in queue
	flying  bool                  // a batch is being committed
	broken  error                 // why nothing is committed until the store is read again
	refused error                 // why the last commit was refused; nil after one that was not
	quit    chan struct{}         // closed to stop the reading again; nil: not reading
	unsure  *batch                // of the durable lane, broken: a move that may have happened
	left    map[string][]store.Op // of the volatile lane: removals, by table, that failed after a move
}

// commitVolatile commits a batch of the volatile lane at once.
func (c *Core) commitVolatile(b *batch) {
	l := c.volatile
	ops := b.records()
	switch {
	case len(b.answers) == 0:
	case l.broken != nil: // what changes nothing, too: the store may hold something else
		b.refuse(fmt.Errorf("%w: the %s store is read again after a failure: %w", ErrUnavailable, l.name, l.broken))
	case len(ops) == 0:
		b.apply()
	default:
		c.committed(b, l.store.Commit(ops))
	}
}

// startDurable checks what waits for the durable lane and hands it to the lane's
// goroutine as one batch, unless one is under way.
func (c *Core) startDurable() {
	l := c.durable
	for !l.flying && len(l.queue) > 0 {
		b := c.nextDurable()
		ops := b.records()
		switch {
		case b.failed != nil:
			b.refuse(b.failed)
			c.release(b)
		case l.broken != nil: // see commitVolatile
			b.refuse(fmt.Errorf("%w: the %s store is read again after a failure: %w", ErrUnavailable, l.name, l.broken))
			c.release(b)
		case len(ops) == 0:
			b.apply()
			c.release(b)
		default:
			l.flying = true
			c.lanes.Go(func() {
				err := l.store.Commit(ops)
				c.post(func() {
					l.flying = false
					c.committed(b, err)
					if l.unsure != b {
						c.release(b)
					}
				})
			})
		}
	}
}

// release lets the tables of a settled batch go.
func (c *Core) release(b *batch) {
	for _, name := range b.claims {
		if c.claimed[name]--; c.claimed[name] == 0 {
			delete(c.claimed, name)
		}
	}
}

// nextDurable takes requests off the queue into a batch: all of them, or up to
// one that moves its table between the lanes or restores all, which is a batch of
// its own.
func (c *Core) nextDurable() *batch {
	l := c.durable
	b := c.newBatch(l)
	for i, r := range l.queue {
		alone := r.Op == OpRestore || c.moves(b, r)
		if alone && i > 0 {
			l.queue = l.queue[i:]
			return b
		}
		l.queued -= len(r.Value)
		if alone {
			l.queue = l.queue[1:]
			b.claims = append(b.claims, r.Table)
			if r.Op == OpRestore {
				c.restore(b, r)
			} else {
				c.move(b, r)
			}
			return b
		}
		b.claims = append(b.claims, r.Table)
		if c.volatileNow(b, r) {
			v := c.newBatch(c.volatile)
			v.stage(r)
			c.commitVolatile(v)
			continue
		}
		b.stage(r)
	}
	l.queue = nil
	return b
}

// volatileNow reports whether a request in the durable lane's queue is about a
// table that is, after all that was ahead of it, a volatile one.
func (c *Core) volatileNow(b *batch, r Request) bool {
	if r.Op == opCeiling || b.staged[r.Table] != nil || c.durable.isUnsure(r.Table) {
		return false
	}
	if t := c.tables[r.Table]; t != nil {
		return !t.meta.Durable
	}
	return !r.Durable
}

// moves reports whether a request moves a table from one lane to the other.
func (c *Core) moves(b *batch, r Request) bool {
	if r.Op != OpOpen || c.durable.isUnsure(r.Table) {
		return false
	}
	if s := b.staged[r.Table]; s != nil {
		return !r.Durable
	}
	t := c.tables[r.Table]
	return t != nil && t.meta.Durable != r.Durable
}

// isUnsure reports whether it is not known in which lane a table lies.
func (l *lane) isUnsure(table string) bool {
	return l.unsure != nil && (l.unsure.restored != nil || l.unsure.staged[table] != nil)
}

// move opens a table with the other durability. The table is where the durable
// store says: that is changed in one batch, which decides. A copy in the
// volatile store is written before, or removed after.
func (c *Core) move(b *batch, r Request) {
	b.stage(r)
	s := b.staged[r.Table]
	if s == nil || !b.opened(s) {
		return // refused
	}
	t := s.table
	s.meta.Durable = r.Durable
	for i := range b.events {
		b.events[i].Info.Durable = r.Durable
	}
	if len(b.answers) == 1 {
		b.answers[0].result.Info.Durable = r.Durable
	}
	var puts []store.Op
	for key, e := range t.keys {
		_, record := newEntry(key, e.Value, e.Revision)
		puts = append(puts, store.Op{Key: keyRecord(t.name, key), Value: record})
	}
	remove := removal(t)
	b.happened = func(durable *state) bool { return (durable.tables[t.name] != nil) == r.Durable }
	if r.Durable {
		b.ops = append(b.ops, puts...)
		b.after = func() { c.forget(t.name, remove) }
		return
	}
	puts = append(puts, store.Op{Key: tableRecord(t.name), Value: encodeMeta(s.meta)})
	if err := c.copyVolatile(t.name, puts, remove); err != nil {
		b.failed = fmt.Errorf("%w: table %s can't be made volatile: %w", ErrUnavailable, t.name, err)
		return
	}
	s.writeMeta = false
	b.ops = append(b.ops, remove...)
	b.undo = func() { c.forget(t.name, remove) }
}

// copyVolatile writes a table's copy into the volatile store, in place of what an
// earlier move left there.
func (c *Core) copyVolatile(name string, puts, remove []store.Op) error {
	l := c.volatile
	if l.broken != nil {
		return l.broken
	}
	err := l.store.Commit(append(slices.Clip(l.left[name]), puts...))
	switch {
	case err == nil:
		delete(l.left, name)
	case !errors.Is(err, store.ErrNotCommitted):
		c.leave(name, remove)
		c.reload(l, err)
	}
	return err
}

// forget removes what a move left behind in the volatile store. What stays when
// that fails is removed by the next move or at the next start.
func (c *Core) forget(name string, remove []store.Op) {
	l := c.volatile
	err := l.broken
	if err == nil {
		if err = l.store.Commit(remove); err == nil {
			return
		}
		if !errors.Is(err, store.ErrNotCommitted) {
			c.reload(l, err)
		}
	}
	c.leave(name, remove)
	c.log.WithError(err).WithField("table", name).Warn("the volatile store keeps a copy of a table that has moved, for a while")
}

func (c *Core) leave(name string, remove []store.Op) {
	if c.volatile.left == nil {
		c.volatile.left = map[string][]store.Op{}
	}
	c.volatile.left[name] = append(slices.Clip(c.volatile.left[name]), remove...)
}

// committed settles a batch after its commit.
func (c *Core) committed(b *batch, err error) {
	l := b.lane
	if err == nil && l.refused != nil {
		c.log.Infof("the %s store takes changes again", l.name)
	}
	if l.refused == nil && errors.Is(err, store.ErrNotCommitted) {
		c.log.WithError(err).Errorf("the %s store refuses changes; reads go on", l.name)
	}
	l.refused = err
	switch {
	case err == nil:
		b.apply()
		if b.after != nil {
			b.after()
		}
		return
	case errors.Is(err, store.ErrNotCommitted):
		b.refuse(fmt.Errorf("%w: the %s store refused the change: %w", ErrUnavailable, l.name, err))
	default:
		c.log.WithError(err).Errorf("the %s store failed; it is read again", l.name)
		b.refuse(fmt.Errorf("%w: the %s store failed: %w", ErrUnknown, l.name, err))
		c.reload(l, err)
		if b.happened != nil {
			l.unsure = b
			return
		}
	}
	if b.undo != nil {
		b.undo()
	}
}

// reload reads a broken lane's store again, in the lane's goroutine, until that
// works.
func (c *Core) reload(l *lane, cause error) {
	l.broken = cause
	l.quit = make(chan struct{})
	quit := l.quit
	c.lanes.Go(func() {
		for pause := reloadFirst; ; pause = min(2*pause, reloadMost) {
			state, err := c.reread(l.store)
			if err == nil {
				c.post(func() { c.reloaded(l, state) })
				return
			}
			c.log.WithError(err).Errorf("the %s store can't be read yet", l.name)
			select {
			case <-quit:
				return
			case <-time.After(pause):
			}
		}
	})
}

func (c *Core) reread(s store.PersistValue) (*state, error) {
	if err := s.Reload(); err != nil {
		return nil, err
	}
	return readState(s)
}

// reloaded makes memory agree with what a store was found to hold. A table that
// differs is told as a gap, so that every subscription pulls it again.
func (c *Core) reloaded(l *lane, found *state) {
	l.broken, l.refused, l.quit = nil, nil, nil
	durable := l == c.durable
	if b := l.unsure; b != nil {
		l.unsure = nil
		c.decide(b, found)
	}
	for name, t := range found.tables {
		old := c.tables[name]
		if old == nil || old.meta.Durable == durable && !sameTable(old, t) {
			if old != nil {
				t.since, t.gone = old.since, old.gone
			}
			c.replace(t)
		}
	}
	for name, t := range c.tables {
		if t.meta.Durable == durable && found.tables[name] == nil && !t.unsaved {
			c.revision++
			empty := &table{name: name, keys: map[string]*Entry{}, meta: meta{Durable: durable, Head: c.revision}, unsaved: true}
			c.log.WithField("table", name).Errorf("the %s store lost a table", l.name)
			c.replace(empty)
		}
	}
	if durable {
		c.ceiling = found.ceiling
	}
	c.log.Infof("the %s store was read again and takes changes", l.name)
}

// decide settles a move, already answered, by what the durable store was found
// to hold.
func (c *Core) decide(b *batch, durable *state) {
	b.answers = nil
	switch {
	case b.happened(durable):
		b.apply()
		if b.after != nil {
			b.after()
		}
	case b.undo != nil:
		b.undo()
	}
	c.release(b)
}

func (c *Core) replace(t *table) {
	c.tables[t.name] = t
	if t.meta.Owned && !c.connected(t.meta.Owner) && t.gone.IsZero() {
		t.gone = time.Now()
	}
	c.scheduleExpiry()
	c.tellOwner(t)
	c.tellGap(t)
}

// tellGap has every subscription of a table pull it again.
func (c *Core) tellGap(t *table) {
	if c.notifier != nil {
		c.notifier.Notify(Event{Op: EventMark, Table: t.name, Revision: t.meta.Head, Previous: t.meta.Head, Info: c.info(t, t.meta)})
	}
}

// sameTable compares by meta data and revisions, which name a value.
func sameTable(a, b *table) bool {
	if a.meta != b.meta || len(a.keys) != len(b.keys) {
		return false
	}
	for key, e := range a.keys {
		if o := b.keys[key]; o == nil || o.Revision != e.Revision {
			return false
		}
	}
	return true
}

// stop ends the reading again of a broken lane.
func (l *lane) stop() {
	if l.quit != nil {
		close(l.quit)
		l.quit = nil
	}
}
