package mirror

import (
	"slices"

	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/store"
)

// draftsAtOnce is how many temporary files are open at a time.
const draftsAtOnce = 64

// plan is what a batch means for the files.
type plan struct {
	store   *Store
	changes []*change
	byID    map[id]*change
	there   map[string]bool // tables whose description the batch puts or removes
}

// change is what becomes of one file. Until the batch is committed, the file is as
// before.
type change struct {
	id
	dir   string
	file  *file // nil: new to the lane
	want  []byte
	note  note
	draft *draft // nil: nothing to write
	touch bool   // the file is written or removed
}

func (s *Store) plan(batch []store.Op) *plan {
	p := &plan{store: s, byID: make(map[id]*change, len(batch)), there: map[string]bool{}}
	for _, op := range batch {
		r, err := nkv.ReadRecord(op)
		if err != nil {
			s.mirror.log.WithError(err).Error("a change can't be read and is in no file")
			continue
		}
		switch r.Kind {
		case nkv.RecordKey:
			p.set(id{r.Table, r.Key}, wanted(op, r))
		case nkv.RecordTable:
			p.there[r.Table] = !op.Delete
			p.set(id{r.Table, counter}, wanted(op, r))
		}
	}
	for _, c := range p.changes {
		p.decide(c)
	}
	return p
}

// set notes the last that a batch says about a file.
func (p *plan) set(of id, want []byte) {
	if c := p.byID[of]; c != nil {
		c.want = want
		return
	}
	t := p.store.tables[of.table]
	c := &change{id: of, want: want}
	if t == nil {
		t = newTable(of.table)
	} else {
		c.file = t.files[of.key]
	}
	if t.dir == "" || fileName(of.key) == "" {
		return
	}
	c.dir = t.dir
	p.byID[of] = c
	p.changes = append(p.changes, c)
}

// decide settles what is to be done, and what the note says about it.
func (p *plan) decide(c *change) {
	var old file
	if c.file != nil {
		old = *c.file
	}
	if c.want != nil {
		c.note.wants, c.note.want = true, sumOf(c.want)
	}
	switch {
	case p.store.released[c.table]:
	case c.want == nil:
		c.note.had, c.touch = old.disk, old.disk.there
	case old.disk.there && old.disk.sum == c.note.want:
		c.note.had = old.note.had
	default:
		c.note.had, c.touch = old.disk, true
	}
}

// prepare writes drafts of all files that are to change, and makes the directories
// of new tables. After an error nothing has happened, but for discard.
func (p *plan) prepare(d *dirs) error {
	for name, there := range p.there {
		if t := p.store.tables[name]; there && (t == nil || !t.there) && !p.store.released[name] {
			if c := p.byID[id{name, counter}]; c != nil {
				if _, err := d.get(c.dir, true); err != nil {
					return err
				}
			}
		}
	}
	var drafts []*draft
	for _, c := range p.changes {
		if !c.touch || c.want == nil {
			continue
		}
		var err error
		if c.draft, err = d.draft(c.dir, c.want, c.note.want); err != nil {
			return err
		}
		if drafts = append(drafts, c.draft); d.sync && len(drafts) == draftsAtOnce {
			if err := settle(drafts); err != nil {
				return err
			}
			drafts = drafts[:0]
		}
	}
	if d.sync && len(drafts) > 0 {
		return settle(drafts)
	}
	return nil
}

func (p *plan) discard(d *dirs) {
	for _, c := range p.changes {
		if c.draft != nil {
			d.discard(c.draft)
		}
	}
}

// ops returns the batch with the notes about it.
func (p *plan) ops(batch []store.Op) []store.Op {
	ops := slices.Grow(slices.Clip(batch), len(p.changes)+len(p.store.due))
	ops = append(ops, p.store.dueOps()...)
	for _, c := range p.changes {
		if c.note.empty() && (c.file == nil || c.file.note.empty()) {
			continue
		}
		ops = append(ops, noteOp(c.id, c.note))
	}
	return ops
}

func noteOp(of id, n note) store.Op {
	if n.empty() {
		return store.Op{Key: nkv.NoteRecord(of.table, of.key), Delete: true}
	}
	return store.Op{Key: nkv.NoteRecord(of.table, of.key), Value: n.encode()}
}

// apply makes the committed batch the lane's state.
func (p *plan) apply() {
	s := p.store
	clear(s.due)
	for name, there := range p.there {
		s.tables.table(name).there = there
	}
	for _, c := range p.changes {
		c.file = s.tables.table(c.table).file(c.key)
		c.file.want, c.file.note = c.want, c.note
		c.file.left = c.file.left && !c.touch
		delete(s.stale, c.id)
	}
}

// place touches the files, values before restart counters. What fails is tried
// once more from the start, and then again later.
func (p *plan) place(d *dirs) {
	touched := map[string][]*change{}
	for _, counters := range []bool{false, true} {
		for _, c := range p.changes {
			if c.touch && (c.key == counter) == counters {
				p.store.settled(c, c.place(d), d)
				touched[c.dir] = append(touched[c.dir], c)
			}
		}
	}
	for dir, changes := range touched {
		if _, err := d.base.Lstat(dir); err != nil {
			continue // its files are settled, each by itself
		}
		if err := d.settleDir(dir); err != nil {
			for _, c := range changes {
				p.store.later(c.id, c.file, err)
			}
		}
	}
	for _, c := range p.changes {
		p.store.finish(c.id)
	}
	for name, there := range p.there {
		if !there {
			p.store.forsake(name, d)
		}
	}
}

func (c *change) place(d *dirs) error {
	if c.draft == nil {
		r, err := d.get(c.dir, false)
		if err != nil {
			return err
		}
		return drop(r, fileName(c.key), d.backup(c.key))
	}
	return d.place(c.draft, c.key)
}
