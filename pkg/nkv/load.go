package nkv

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evenkv/nkv/pkg/store"
)

// reserve is how many revisions are set aside at a time, in the durable store,
// before any of them is given. So a volatile change needs no disk to get one, and
// none is given twice. 2^53 revisions are enough for 2^29 starts.
const reserve = 1 << 24

// raiseAgain is the least time between two tries to set more aside, after a
// store refused.
const raiseAgain = 100 * time.Millisecond

// opCeiling writes a higher limit of revisions, in Request.Restart.
const opCeiling Op = -2

// state is what a store holds.
type state struct {
	tables  map[string]*table
	ceiling uint64
	storeID string
	bootID  string
}

func readState(s store.PersistValue) (*state, error) {
	found := &state{tables: map[string]*table{}}
	for key, record := range s.All() {
		if err := found.add(key, record); err != nil {
			return nil, err
		}
	}
	for name, t := range found.tables {
		if t.view == nil {
			return nil, fmt.Errorf("%w: table %s has keys but no description", ErrCorrupt, name)
		}
		t.view = nil
		for _, e := range t.keys {
			t.meta.Head = max(t.meta.Head, e.Revision)
		}
	}
	return found, nil
}

func (f *state) table(name string) *table {
	t := f.tables[name]
	if t == nil {
		t = &table{name: name, keys: map[string]*Entry{}}
		f.tables[name] = t
	}
	return t
}

func (f *state) add(key string, record []byte) (err error) {
	switch {
	case strings.HasPrefix(key, recordKey):
		name, k, err := splitKeyRecord(key[1:])
		if err != nil {
			return err
		}
		e, err := decodeEntry(k, record)
		if err != nil {
			return err
		}
		t := f.table(name)
		seen := t.view
		t.put(e)
		t.view = seen
	case strings.HasPrefix(key, recordTable):
		t := f.table(key[1:])
		head := t.meta.Head
		if t.meta, err = decodeMeta(t.name, record); err != nil {
			return err
		}
		t.meta.Head = max(t.meta.Head, head)
		t.view = &View{} // its description was seen
	case strings.HasPrefix(key, recordNote): // not the core's
	case key == recordCeiling:
		f.ceiling, err = decodeNumber(key, record)
	case key == recordStore:
		f.storeID = string(record)
	case key == recordBoot:
		f.bootID = string(record)
	default:
		return fmt.Errorf("%w: %q; a newer version may have written it", ErrCorrupt, key)
	}
	return err
}

// load reads both stores, moves the revisions ahead and settles which tables
// there are.
func (c *Core) load(bootID string) error {
	durable, err := readState(c.durable.store)
	if err != nil {
		return fmt.Errorf("durable store: %w", err)
	}
	if err := c.begin(durable); err != nil {
		return err
	}
	volatile, err := c.loadVolatile(bootID)
	if err != nil {
		return err
	}
	if err := c.settle(durable, volatile); err != nil {
		return err
	}
	now := time.Now()
	for _, t := range c.tables {
		t.since = now
		if t.meta.Owned {
			t.gone = now
		}
	}
	return nil
}

// begin moves the revisions past all that can have been given.
func (c *Core) begin(durable *state) error {
	id := durable.storeID
	c.storeID.Store(&id)
	c.revision = durable.ceiling
	c.ceiling = durable.ceiling + c.reserve
	ops := []store.Op{{Key: recordCeiling, Value: encodeNumber(c.ceiling)}}
	if id == "" {
		id = rand.Text()
		ops = append(ops, store.Op{Key: recordStore, Value: []byte(id)})
	}
	err := c.durable.store.Commit(ops)
	if errors.Is(err, store.ErrNotCommitted) && durable.storeID != "" {
		// A full disk: what is there can be read. No revision is left to give, until
		// raiseCeiling has set some aside.
		c.log.WithError(err).Error("the durable store refuses changes, so the server refuses all; reads go on")
		c.ceiling, c.durable.refused = c.revision, err
		return nil
	}
	if err != nil {
		return fmt.Errorf("durable store: the revisions can't be moved ahead: %w", err)
	}
	return nil
}

// loadVolatile empties the volatile store when it belongs to another boot or to
// another lineage.
func (c *Core) loadVolatile(bootID string) (*state, error) {
	s := c.volatile.store
	found, err := readState(s)
	if err != nil {
		return nil, fmt.Errorf("volatile store: %w", err)
	}
	if slices.Contains(strings.Fields(found.storeID), c.StoreID()) && found.bootID == bootID {
		return found, nil
	}
	ops := []store.Op{{Key: recordStore, Value: []byte(c.StoreID())}, {Key: recordBoot, Value: []byte(bootID)}}
	for key := range s.All() {
		if key != recordStore && key != recordBoot {
			ops = append(ops, store.Op{Key: key, Delete: true})
		}
	}
	if err := s.Commit(ops); err != nil {
		return nil, fmt.Errorf("volatile store: it can't be emptied after a reboot: %w", err)
	}
	return &state{}, nil
}

// settle takes the tables of both stores. One that both hold was being moved
// when the server ended, or its old copy could not be removed then. What the
// durable store holds is the table: a move changes that last, or first, in one
// batch. The other copy goes.
func (c *Core) settle(durable, volatile *state) error {
	for name, t := range durable.tables {
		c.tables[name] = t
		t.meta.Durable = true
	}
	for name, t := range volatile.tables {
		t.meta.Durable = false
		if c.tables[name] == nil {
			c.tables[name] = t
			continue
		}
		if err := c.volatile.store.Commit(removal(t)); err != nil {
			return fmt.Errorf("volatile store: the old copy of table %s can't be removed: %w", name, err)
		}
	}
	return nil
}

// removal is what takes a table out of a store.
func removal(t *table) []store.Op {
	ops := []store.Op{{Key: tableRecord(t.name), Delete: true}}
	for key := range t.keys {
		ops = append(ops, store.Op{Key: keyRecord(t.name, key), Delete: true})
	}
	return ops
}

// raiseCeiling has more revisions set aside before they run out. After a failure
// it waits a while, for a change that comes then.
func (c *Core) raiseCeiling() {
	if c.raising || c.ceiling-c.revision > c.reserve/2 || c.stopping || time.Now().Before(c.raiseAt) {
		return
	}
	c.raising = true
	ceiling := c.revision + c.reserve
	c.claimed[""]++
	c.durable.queue = append(c.durable.queue, Request{Op: opCeiling, Restart: ceiling, Done: func(r Result) {
		c.raising = false
		if r.Err != nil {
			c.raiseAt = time.Now().Add(raiseAgain)
			return
		}
		c.ceiling = ceiling
	}})
	c.startDurable()
}
