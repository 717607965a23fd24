package nkv

import (
	"fmt"
	"time"

	"github.com/evenkv/nkv/pkg/store"
)

// batch is a set of changes of one lane that is checked, persisted, applied,
// told and answered together. It sees its own changes before they are applied;
// nobody else does.
type batch struct {
	core    *Core
	lane    *lane
	staged  map[string]*staged
	ops     []store.Op
	events  []Event
	answers []answer
	claims  []string // tables that the batch keeps in the durable lane

	// Of a batch that moves a table between the lanes, or restores all.
	after    func()            // when it was applied
	undo     func()            // when it was refused
	failed   error             // why it must be refused
	happened func(*state) bool // whether it did, by what the durable store holds
	restored func()            // makes a restore the state
}

// staged is a table as the batch leaves it.
type staged struct {
	table     *table // in memory, unchanged; a new table is not in the core yet
	meta      meta
	keys      map[string]*Entry // changed keys; nil: deleted
	writeMeta bool
}

type answer struct {
	done   func(Result)
	result Result
}

func (c *Core) newBatch(l *lane) *batch {
	return &batch{core: c, lane: l}
}

// stage checks one change against the state and the batch so far, and adds it.
func (b *batch) stage(r Request) {
	var result Result
	if r.Op != opCeiling && b.core.revision+b.core.cost(r) >= b.core.ceiling {
		result.Err = fmt.Errorf("%w: the durable store does not take a higher revision limit", ErrUnavailable)
	} else {
		result = b.check(r)
	}
	b.answers = append(b.answers, answer{r.Done, result})
}

// cost is how many revisions a request may need.
func (c *Core) cost(r Request) uint64 {
	if t := c.tables[r.Table]; t != nil && r.Op == OpClear {
		return uint64(len(t.keys)) + maxWaiting
	}
	return 1
}

func (b *batch) check(r Request) Result {
	switch r.Op {
	case OpPut:
		return b.put(r)
	case OpDelete:
		return b.delete(r)
	case OpClear:
		return b.clear(r)
	case OpOpen:
		return b.open(r)
	case OpClose:
		return b.close(r)
	case OpMark:
		return b.mark(r)
	case opRelease:
		return b.release(r)
	case opCeiling:
		b.ops = append(b.ops, store.Op{Key: recordCeiling, Value: encodeNumber(r.Restart)})
		return Result{}
	}
	return Result{Err: fmt.Errorf("%w: operation %d", ErrNotFound, r.Op)}
}

// table returns the staged state of a table, or nil when there is none and it is
// not to be made.
func (b *batch) table(name string, create bool) *staged {
	if s := b.staged[name]; s != nil {
		return s
	}
	t := b.core.tables[name]
	if t == nil {
		if !create {
			return nil
		}
		t = &table{name: name, keys: map[string]*Entry{}}
		t.meta.Durable = b.lane == b.core.durable
	}
	s := &staged{table: t, meta: t.meta, keys: map[string]*Entry{}, writeMeta: t.unsaved}
	if b.staged == nil {
		b.staged = map[string]*staged{}
	}
	b.staged[name] = s
	return s
}

// entry returns a key as the batch sees it; nil: not there.
func (s *staged) entry(key string) *Entry {
	if e, changed := s.keys[key]; changed {
		return e
	}
	return s.table.keys[key]
}

// next gives the table its next revision and returns it with the one before.
func (b *batch) next(s *staged) (revision, previous uint64) {
	b.core.revision++
	previous, s.meta.Head = s.meta.Head, b.core.revision
	return b.core.revision, previous
}

// fenced checks a writer's fence: an owned table takes its own only, from the
// instance that it was given to, and one that nobody owns takes none.
func (b *batch) fenced(s *staged, r Request) error {
	switch {
	case s.holds(r), !s.meta.Owned && r.Fence == 0:
		return nil
	case r.Fence == 0:
		return b.owned(s)
	case !s.meta.Owned:
		return fmt.Errorf("%w: fence %d of table %s: nobody owns the table now; open it again", ErrFence, r.Fence, r.Table)
	}
	return fmt.Errorf("%w: fence %d of table %s; the valid one is another; open the table again", ErrFence, r.Fence, r.Table)
}

// holds reports whether a request comes under the valid fence, from its holder.
func (s *staged) holds(r Request) bool {
	return s.meta.Owned && r.Fence == s.meta.Fence && (r.Instance.ID == "" || r.Instance.ID == s.meta.Owner.ID)
}

func expected(r Request, e *Entry) error {
	if r.Expect == nil {
		return nil
	}
	var current uint64
	if e != nil {
		current = e.Revision
	}
	if current != *r.Expect {
		return &RevisionError{Table: r.Table, Key: r.Key, Expected: *r.Expect, Current: current}
	}
	return nil
}

// put changes nothing when the value is the same already.
func (b *batch) put(r Request) Result {
	s := b.table(r.Table, false)
	if s == nil {
		if r.Fence != 0 {
			return Result{Err: fmt.Errorf("%w: table %s does not exist; open it again", ErrFence, r.Table)}
		}
		if err := expected(r, nil); err != nil {
			return Result{Err: err}
		}
		s = b.table(r.Table, true)
		s.writeMeta = true
	}
	if err := b.fenced(s, r); err != nil {
		return Result{Err: err}
	}
	old := s.entry(r.Key)
	if err := expected(r, old); err != nil {
		return Result{Err: err, Revision: revisionOf(old)}
	}
	if old != nil && string(old.Value) == string(r.Value) {
		return Result{Revision: old.Revision}
	}
	revision, previous := b.next(s)
	e, record := newEntry(r.Key, r.Value, revision)
	s.keys[r.Key] = e
	b.ops = append(b.ops, store.Op{Key: keyRecord(r.Table, r.Key), Value: record})
	b.events = append(b.events, Event{Op: EventPut, Table: r.Table, Key: r.Key, Value: e.Value, Revision: revision, Previous: previous})
	return Result{Revision: revision}
}

func revisionOf(e *Entry) uint64 {
	if e == nil {
		return 0
	}
	return e.Revision
}

func (b *batch) delete(r Request) Result {
	s := b.table(r.Table, false)
	if s == nil {
		if r.Expect != nil && *r.Expect != 0 {
			return Result{Err: expected(r, nil)}
		}
		return Result{Err: fmt.Errorf("%w: table %s", ErrNotFound, r.Table)}
	}
	if err := b.fenced(s, r); err != nil {
		return Result{Err: err}
	}
	old := s.entry(r.Key)
	if err := expected(r, old); err != nil {
		return Result{Err: err, Revision: revisionOf(old)}
	}
	if old == nil {
		return Result{Err: fmt.Errorf("%w: key %s of table %s", ErrNotFound, r.Key, r.Table)}
	}
	return Result{Revision: b.drop(s, r.Key)}
}

// drop deletes one key that is there.
func (b *batch) drop(s *staged, key string) uint64 {
	revision, previous := b.next(s)
	s.keys[key] = nil
	s.writeMeta = true // it carries the head, which no key does any more
	b.ops = append(b.ops, store.Op{Key: keyRecord(s.table.name, key), Delete: true})
	b.events = append(b.events, Event{Op: EventDelete, Table: s.table.name, Key: key, Revision: revision, Previous: previous})
	return revision
}

func (b *batch) clear(r Request) Result {
	s := b.table(r.Table, false)
	if s == nil {
		return Result{Err: fmt.Errorf("%w: table %s", ErrNotFound, r.Table)}
	}
	if err := b.fenced(s, r); err != nil {
		return Result{Err: err}
	}
	var keys []string
	for key := range s.table.keys {
		if _, changed := s.keys[key]; !changed && (r.Match == nil || r.Match(key)) {
			keys = append(keys, key)
		}
	}
	for key, e := range s.keys {
		if e != nil && (r.Match == nil || r.Match(key)) {
			keys = append(keys, key)
		}
	}
	result := Result{Count: len(keys)}
	for _, key := range keys {
		result.Revision = b.drop(s, key)
	}
	return result
}

func (b *batch) mark(r Request) Result {
	s := b.table(r.Table, r.Make && r.Restart != 0)
	if s == nil {
		return Result{Err: fmt.Errorf("%w: table %s", ErrNotFound, r.Table)}
	}
	if err := b.fenced(s, r); err != nil {
		return Result{Err: err}
	}
	if s.meta.Restart == r.Restart {
		return Result{Revision: s.meta.Head, Info: b.info(s)}
	}
	s.meta.Restart = r.Restart
	return b.tell(s)
}

// tell makes a mark of what the table's meta data has become.
func (b *batch) tell(s *staged) Result {
	revision, previous := b.next(s)
	s.writeMeta = true
	info := b.info(s)
	b.events = append(b.events, Event{Op: EventMark, Table: s.table.name, Revision: revision, Previous: previous, Info: info})
	return Result{Revision: revision, Info: info}
}

// info describes the table as the batch leaves it.
func (b *batch) info(s *staged) Info {
	info := b.core.info(s.table, s.meta)
	for key, e := range s.keys {
		old := s.table.keys[key]
		if old != nil {
			info.Keys, info.Bytes = info.Keys-1, info.Bytes-int64(len(old.Value))
		}
		if e != nil {
			info.Keys, info.Bytes = info.Keys+1, info.Bytes+int64(len(e.Value))
		}
	}
	if info.Owner != nil && b.opened(s) {
		info.Owner.Since = time.Now()
	}
	return info
}

// records returns what the lane's store must be told.
func (b *batch) records() []store.Op {
	for name, s := range b.staged {
		if s.writeMeta {
			b.ops = append(b.ops, store.Op{Key: tableRecord(name), Value: encodeMeta(s.meta)})
		}
	}
	return b.ops
}

// apply makes the batch the state, tells it and answers it.
func (b *batch) apply() {
	for name, s := range b.staged {
		t := s.table
		opened, owned := b.opened(s), t.meta.Owned
		t.meta = s.meta
		t.unsaved = false
		if opened {
			b.core.ownerChanged(t)
		}
		t.view = nil
		for key, e := range s.keys {
			if e == nil {
				t.remove(key)
			} else {
				t.put(e)
			}
		}
		b.core.tables[name] = t
		if opened || owned != t.meta.Owned {
			b.core.tellOwner(t)
		}
	}
	if b.restored != nil {
		b.restored()
	}
	if b.core.notifier != nil {
		for _, e := range b.events {
			b.core.notifier.Notify(e)
		}
	}
	for _, a := range b.answers {
		a.done(a.result)
	}
}

// refuse answers the whole batch with err. Requests that were refused by a check
// are included: what they were checked against may have been a part of it.
func (b *batch) refuse(err error) {
	for _, a := range b.answers {
		a.done(Result{Err: err})
	}
}
