package mirror

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"slices"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/store"
)

// Store is the store of one lane, with its tables in files. It is made by Open.
type Store struct {
	mirror  *Mirror
	inner   store.PersistValue
	durable bool
	base    *os.Root

	// turn has one element while nobody is at work. Who took it owns the fields
	// below it.
	turn     chan struct{}
	active   bool // the files were read
	tables   state
	released map[string]bool // tables whose files somebody else writes
	stale    map[id]*file    // files that could not be written
	due      map[id]note     // notes for the next batch
	urgent   bool            // one of them must not wait for it
	fresh    bool            // the lane's directory was not there at the start
}

func (s *Store) take()  { <-s.turn }
func (s *Store) leave() { s.turn <- struct{}{} }

func (s *Store) dirs() *dirs { return &dirs{base: s.base, sync: s.durable} }

// All implements store.PersistValue. The notes are among what it yields.
func (s *Store) All() iter.Seq2[string, []byte] { return s.inner.All() }

// Commit implements store.PersistValue. A batch whose files can't be written is
// refused with store.ErrNotCommitted. When Commit returns nil, the files hold what
// the batch says; those of which a last rename failed are written later, which is
// logged.
func (s *Store) Commit(batch []store.Op) error {
	s.take()
	defer s.leave()
	if !s.active || len(batch) == 0 {
		return s.inner.Commit(batch)
	}
	d := s.dirs()
	defer d.close()
	p := s.plan(batch)
	if err := p.prepare(d); err != nil {
		p.discard(d)
		return fmt.Errorf("%w: the old files can't be written: %w; try again when the cause is gone", store.ErrNotCommitted, err)
	}
	if err := s.inner.Commit(p.ops(batch)); err != nil {
		p.discard(d)
		return err
	}
	p.apply()
	p.place(d)
	s.hurry()
	return nil
}

// Reload implements store.PersistValue. The files then follow what was found.
func (s *Store) Reload() error {
	s.take()
	defer s.leave()
	if err := s.inner.Reload(); err != nil || !s.active {
		return err
	}
	found, err := readState(s.inner)
	if err != nil {
		return err
	}
	for name, t := range s.tables {
		for key, f := range t.files {
			if f.disk.there {
				again := found.table(name).file(key)
				again.disk, again.left = f.disk, f.left
			}
		}
	}
	s.tables = found
	clear(s.stale)
	clear(s.due)
	d := s.dirs()
	defer d.close()
	s.agree(d, func(string, bool) {})
	s.hurry()
	return nil
}

// Close implements store.PersistValue: it closes the store below.
func (s *Store) Close() error { return s.inner.Close() }

// agree brings all files to what the store says, and tells of each that it wrote
// or removed.
func (s *Store) agree(d *dirs, did func(table string, written bool)) {
	for name, t := range s.tables {
		if s.released[name] {
			continue
		}
		for key, f := range t.files {
			if !f.agrees() {
				if err := d.fulfil(t.dir, key, f); err != nil {
					s.later(id{name, key}, f, err)
				} else {
					s.caughtUp(id{name, key}, f)
					did(name, f.want != nil)
				}
			}
			s.finish(id{name, key})
		}
	}
}

func (f *file) agrees() bool {
	switch {
	case f.left:
		return true
	case f.want == nil:
		return !f.disk.there
	}
	return f.disk.there && f.disk.sum == sumOf(f.want)
}

// settled takes the outcome of a change's last step. After a failure the whole is
// tried once more: someone may have removed the directory.
func (s *Store) settled(c *change, err error, d *dirs) {
	switch {
	case err != nil:
		if c.draft != nil {
			d.discard(c.draft)
		}
		d.close()
		if err := d.fulfil(c.dir, c.key, c.file); err != nil {
			s.later(c.id, c.file, err)
		}
	case c.draft == nil:
		c.file.disk = stamp{}
	default:
		c.file.disk = c.draft.stamp
	}
}

// later remembers a file that could not be brought to what it is to hold. Its note
// says so before anything else happens, see hurry, since a file that is not there
// otherwise means that somebody removed it.
func (s *Store) later(of id, f *file, err error) {
	s.mirror.log.WithError(err).WithFields(logrus.Fields{"table": of.table, "key": of.key, "size": len(f.want)}).
		Error("an old file is behind its table; it is written again soon")
	s.stale[of] = f
	s.mirror.wakeUp()
	if f.want != nil && !f.note.stale {
		f.note.stale = true
		s.due[of], s.urgent = f.note, true
	}
}

// hurry commits the notes that are due when one of them must not wait. What can't
// be committed goes with the next batch.
func (s *Store) hurry() {
	if !s.urgent {
		return
	}
	s.urgent = false
	if err := s.commitDue(); err != nil {
		s.mirror.log.WithError(err).Warn("the notes about old files can't be written yet; files that others change now may be taken for older ones")
	}
}

// caughtUp notes at once that a file is what it is to be: who removes it from now on
// means it.
func (s *Store) caughtUp(of id, f *file) {
	if f.note.stale {
		f.note.stale = false
		s.due[of], s.urgent = f.note, true
	}
}

func (s *Store) commitDue() error {
	for ops := range slices.Chunk(s.dueOps(), notesAtOnce) {
		if err := s.inner.Commit(ops); err != nil {
			return err
		}
	}
	clear(s.due)
	return nil
}

// finish forgets what needs no note any more.
func (s *Store) finish(of id) {
	t := s.tables[of.table]
	if t == nil {
		return
	}
	if f := t.files[of.key]; f != nil && s.stale[of] == nil && f.want == nil && !f.disk.there && !f.note.empty() {
		f.note = note{}
		s.due[of] = note{}
	}
	s.tables.tidy(t, of.key)
}

func (s *Store) dueOps() []store.Op {
	ops := make([]store.Op, 0, len(s.due))
	for of, n := range s.due {
		ops = append(ops, noteOp(of, n))
	}
	return ops
}

// forsake removes the directory of a table that has left the lane, if it is empty.
func (s *Store) forsake(name string, d *dirs) {
	t := s.tables.table(name)
	s.tables.tidy(t, counter)
	if t.dir == "" || s.released[name] {
		return
	}
	d.close()
	err := s.base.Remove(t.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.mirror.log.WithError(err).WithField("table", name).Debug("the directory of a table that has moved is not empty and stays")
	}
}

// repair tries files again that could not be written, and reports whether all are.
func (s *Store) repair() bool {
	s.take()
	defer s.leave()
	d := s.dirs()
	defer d.close()
	blocked := map[string]bool{}
	for of, f := range s.stale {
		t := s.tables[of.table]
		if t == nil || s.released[of.table] {
			delete(s.stale, of)
			continue
		}
		if blocked[of.table] {
			continue
		}
		if err := d.fulfil(t.dir, of.key, f); err != nil {
			s.mirror.log.WithError(err).WithField("table", of.table).Debug("an old file is still behind its table")
			blocked[of.table] = true
			continue
		}
		s.mirror.log.WithFields(logrus.Fields{"table": of.table, "key": of.key}).Info("an old file that was behind its table is current again")
		delete(s.stale, of)
		s.caughtUp(of, f)
		s.finish(of)
	}
	s.hurry()
	return len(s.stale) == 0
}

var _ store.PersistValue = (*Store)(nil)
