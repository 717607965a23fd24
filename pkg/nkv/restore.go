package nkv

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/evenkv/nkv/pkg/store"
)

// Image is a durable table as a backup has it.
type Image struct {
	Table       string
	Opened      bool
	Restart     uint64
	Fingerprint string
	Entries     []Entry // in the order in which they get revisions; theirs don't count
}

// backup returns all tables as of this instant.
func (c *Core) backup() Result {
	result := Result{Revision: c.revision, Infos: c.list(Request{}).Infos}
	for _, info := range result.Infos {
		result.Views = append(result.Views, c.snapshot(c.tables[info.Table]))
	}
	return result
}

// restore replaces all durable tables, in one batch, which also gives the store a
// new id: before it, all is as it was, and after it, all is as restored, also
// when the server ends in between. Volatile tables stay: their owners live.
//
// Every key gets a new revision, above all that were given, so that a change that
// expects an older one fails. No former owner's fence is valid, and the marks that
// follow say so: owners open again, and send what they want.
func (c *Core) restore(b *batch, r Request) {
	needed := uint64(len(r.Images) + len(c.tables)) // at the most: one for each table that comes or goes
	for _, image := range r.Images {
		needed += uint64(len(image.Entries))
	}
	if c.revision+needed >= c.ceiling {
		b.answers = append(b.answers, answer{r.Done, Result{Err: fmt.Errorf("%w: the durable store does not take a higher revision limit", ErrUnavailable)}})
		return
	}
	id := rand.Text()
	tables := map[string]*table{}
	records := map[string]bool{}
	add := func(key string, value []byte) {
		records[key] = true
		b.ops = append(b.ops, store.Op{Key: key, Value: value})
	}
	for _, image := range r.Images {
		t := &table{name: image.Table, keys: map[string]*Entry{}, since: time.Now()}
		for _, old := range image.Entries {
			c.revision++
			e, record := newEntry(old.Key, old.Value, c.revision)
			t.put(e)
			add(keyRecord(t.name, e.Key), record)
		}
		c.revision++
		t.meta = meta{
			Durable: true, Head: c.revision, Opened: image.Opened, Fence: c.revision,
			Restart: image.Restart, Fingerprint: image.Fingerprint,
		}
		add(tableRecord(t.name), encodeMeta(t.meta))
		tables[t.name] = t
		if now := c.tables[t.name]; now == nil || !now.meta.Durable { // it moves, or is made: what comes meanwhile waits
			c.claimed[t.name]++
			b.claims = append(b.claims, t.name)
		}
	}
	add(recordStore, []byte(id))
	for _, t := range c.tables {
		if !t.meta.Durable {
			continue
		}
		for _, op := range removal(t) {
			if !records[op.Key] {
				b.ops = append(b.ops, op)
			}
		}
		if tables[t.name] == nil { // subscriptions need something to find gone
			c.revision++
			m := meta{Durable: true, Head: c.revision, Fence: c.revision}
			tables[t.name] = &table{name: t.name, keys: map[string]*Entry{}, meta: m, unsaved: true, since: time.Now()}
		}
	}
	if err := c.sayLineage(c.StoreID() + " " + id); err != nil {
		b.failed = fmt.Errorf("%w: nothing can be restored: the volatile store: %w", ErrUnavailable, err)
	}
	b.answers = append(b.answers, answer{r.Done, Result{Revision: c.revision}})
	b.happened = func(durable *state) bool { return durable.storeID == id }
	b.restored = func() { c.restored(id, tables) }
}

// sayLineage notes in the volatile store which store ids it goes with: while the
// durable one's changes, it is either.
func (c *Core) sayLineage(ids string) error {
	l := c.volatile
	if l.broken != nil {
		return l.broken
	}
	err := l.store.Commit([]store.Op{{Key: recordStore, Value: []byte(ids)}})
	if err != nil && !errors.Is(err, store.ErrNotCommitted) {
		c.reload(l, err)
	}
	return err
}

// restored makes what was restored the state, and has every subscription and every
// owner compare with it.
func (c *Core) restored(id string, tables map[string]*table) {
	c.storeID.Store(&id)
	for name, t := range tables {
		if old := c.tables[name]; old != nil && !old.meta.Durable {
			c.forget(name, removal(old))
		}
		c.tables[name] = t
		c.tellOwner(t)
	}
	if err := c.sayLineage(id); err != nil {
		c.log.WithError(err).Warn("the volatile store goes with the former store id too, for now")
	}
	c.scheduleExpiry()
	c.log.WithField("store-id", id).Warn("the durable tables were restored from a backup")
	all := make([]*table, 0, len(c.tables))
	for _, t := range c.tables {
		t.view = nil
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b *table) int { return cmp.Compare(a.name, b.name) })
	for _, t := range all {
		c.tellGap(t)
	}
}
