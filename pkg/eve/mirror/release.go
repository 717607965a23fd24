package mirror

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/eve"
	"github.com/evenkv/nkv/pkg/wire"
)

// Release leaves a table's files to somebody else, who writes them from now on. It
// returns when none of them is being written. The table in the core is not
// touched, and it may change meanwhile. It lasts until Adopt, or until the server
// ends: the next Import then takes what the files hold.
func (m *Mirror) Release(table wire.Table) {
	name := table.String()
	for _, s := range m.lanes() {
		s.take()
		s.released[name] = true
		for of := range s.stale {
			if of.table == name {
				delete(s.stale, of)
			}
		}
		s.leave()
	}
}

// Adopt takes a released table's files back, as they are. It returns how they
// differ from the table: values that the files have and the table does not, keys
// that only the table has, both as text, and the restart counter of the files, 0
// where there is none. It is for the caller to publish them. After an error the
// table stays released.
func (m *Mirror) Adopt(table wire.Table) (changed map[string][]byte, deleted []string, restart uint64, err error) {
	if err := eve.CheckTable(table); err != nil {
		return nil, nil, 0, err
	}
	home, other := m.home(table)
	found, err := home.contents(table)
	if err != nil {
		return nil, nil, 0, fmt.Errorf("adopt the files of table %s: %w", table, err)
	}
	changed, deleted = home.adopt(table.String(), found)
	other.take()
	delete(other.released, table.String())
	other.leave()
	if c, ok := found[counter]; ok && !c.left {
		restart = eve.ParseRestarted(c.value)
	}
	return changed, deleted, restart, nil
}

// home is the lane that has a table, or whose directory has it, and the other one.
func (m *Mirror) home(table wire.Table) (home, other *Store) {
	for i, s := range m.lanes() {
		s.take()
		t := s.tables[table.String()]
		there := t != nil && t.there
		s.leave()
		if there {
			return s, m.lanes()[1-i]
		}
	}
	if _, err := m.durable.base.Lstat(newTable(table.String()).dir); err == nil {
		return m.durable, m.volatile
	}
	return m.volatile, m.durable
}

// content is what one file of a table holds.
type content struct {
	value []byte // nil: nothing
	disk  stamp  // of the file; a value without it is the backup's
	left  bool   // it can't be read
}

// contents reads a table's directory, by encoded key.
func (s *Store) contents(table wire.Table) (map[string]content, error) {
	d := s.dirs()
	defer d.close()
	r, err := d.get(newTable(table.String()).dir, false)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]content{}, nil
	}
	if err != nil {
		return nil, err
	}
	l, err := list(r, table, s.mirror.maxValue)
	if err != nil {
		return nil, err
	}
	found := map[string]content{}
	for key := range l.files {
		value, disk, err := read(r, fileName(key), s.mirror.maxValue)
		c := content{disk: disk}
		switch {
		case err != nil:
			c.left = true
			l.strange = append(l.strange, leftError(r.Name(), fileName(key), err))
		case key == counter:
			c.value, c.disk.there = value, true
		case disk.there:
			c.value = value
		}
		found[key] = c
	}
	for key := range l.backups {
		if c := found[key]; s.durable && c.value == nil && !c.left {
			if value, disk, err := read(r, fileName(key)+eve.Backup, s.mirror.maxValue); err == nil && disk.there {
				s.mirror.log.WithFields(logrus.Fields{"table": table, "file": fileName(key)}).Warn("a file is lost; its backup is taken")
				found[key] = content{value: value}
			}
		}
	}
	for _, err := range l.strange {
		s.mirror.log.WithError(err).WithField("table", table).Warn("an old file is not read and stays as it is")
	}
	return found, nil
}

// adopt makes what was found the state of the files, and resumes writing them.
func (s *Store) adopt(name string, found map[string]content) (changed map[string][]byte, deleted []string) {
	s.take()
	defer s.leave()
	delete(s.released, name)
	d := s.dirs()
	defer d.close()
	changed = map[string][]byte{}
	t := s.tables.table(name)
	for key := range found {
		t.file(key)
	}
	for key, f := range t.files {
		c := found[key]
		f.disk, f.left = c.disk, c.left
		switch {
		case key == counter || c.left:
		case c.value == nil && f.want != nil:
			deleted = append(deleted, keyText(key))
		case c.value == nil:
			s.finish(id{name, key})
		case f.want == nil || string(c.value) != string(f.want):
			changed[keyText(key)] = c.value
		case !c.disk.there:
			if err := d.fulfil(t.dir, key, f); err != nil {
				s.later(id{name, key}, f, err)
			}
		}
	}
	s.hurry()
	s.tables.tidy(t, counter)
	slices.Sort(deleted)
	return changed, deleted
}
