package mirror

import (
	"errors"
	"io/fs"
	"maps"
	"path/filepath"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/eve"
	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/wire"
)

// survey is the look at all files of one lane, at the start.
type survey struct {
	store   *Store
	other   state // of the other lane
	dirs    *dirs
	reports map[string]*TableReport // by encoded table
	asks    []*ask
	drafts  []draft // of a mirror that ended before it had renamed them
}

// ask is a change of the core that a file asks for.
type ask struct {
	id
	file    *file
	request nkv.Request
	err     error
}

// look reads the directories of all tables, and settles what is to be done. The
// caller has the lane's turn.
func (v *survey) look() {
	s := v.store
	visit := map[string]string{} // tables by directory
	for name, t := range s.tables {
		if t.dir != "" {
			visit[t.dir] = name
		} else if t.there {
			s.mirror.log.WithField("table", name).Warn("a table can't have old files, since its name can't be a directory's")
		}
	}
	known := maps.Clone(visit)
	w := walker{base: s.base, draft: func(dir, name string) { v.drafts = append(v.drafts, draft{dir: dir, name: name}) }}
	w.found = func(dir string) {
		if _, ok := known[dir]; ok || !v.counts(dir) {
			return
		}
		table, err := eve.Table(filepath.ToSlash(dir))
		if err != nil {
			s.mirror.log.WithError(err).WithField("directory", dir).Debug("not the directory of a table")
			return
		}
		visit[dir] = table.String()
	}
	w.trouble = func(err error) {
		s.mirror.log.WithError(err).Warn("a directory can't be looked into for old files")
	}
	w.run()
	for dir, name := range visit {
		v.table(dir, name)
	}
}

// counts reports whether a directory may be a table's. A lot else is in run: there
// it has to have a socket beside it, or be where the original has tables without
// one.
func (v *survey) counts(dir string) bool {
	if v.store.durable || filepath.Dir(dir) == eve.Global {
		return true
	}
	info, err := v.store.base.Lstat(dir + ".sock")
	return err == nil && info.Mode()&fs.ModeSocket != 0
}

// table looks at one table's files.
func (v *survey) table(dir, name string) {
	s := v.store
	table, err := wire.ParseTable(name)
	if err != nil {
		return
	}
	found := &listing{}
	r, err := v.dirs.get(dir, false)
	if err == nil {
		found, err = list(r, table, s.mirror.maxValue)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.mirror.log.WithError(err).WithField("table", name).Warn("the old files of a table can't be read")
		return
	}
	if err != nil {
		found = &listing{}
	}
	for name := range found.drafts {
		v.drafts = append(v.drafts, draft{dir: dir, name: name})
	}
	if s.tables[name] == nil && !found.holds() {
		return
	}
	for _, err := range found.strange {
		v.left(name, err)
	}
	t := s.tables.table(name)
	keys := map[string]bool{}
	for key := range t.files {
		keys[key] = true
	}
	for key := range found.files {
		keys[key] = true
	}
	if s.durable {
		for key := range found.backups {
			keys[key] = true
		}
	}
	for key := range keys {
		if f := t.file(key); f != nil {
			v.file(t, key, f, found)
			s.tables.tidy(t, key)
		}
	}
}

// file looks at one file, and settles what is to be done about it.
func (v *survey) file(t *table, key string, f *file, found *listing) {
	s := v.store
	look := sight{has: f.want != nil, note: f.note, fresh: s.fresh}
	if look.has {
		look.value = sumOf(f.want)
	}
	var content, backup []byte
	var err error
	if found.files[key] != nil {
		content, err = v.content(t.dir, key, len(f.want), found, &look)
	}
	if !look.disk.there && !look.odd {
		backup, look.backup = v.backup(t.dir, key, found)
	}
	for _, digest := range found.drafts {
		look.leftover = look.leftover || f.note.wants && digest == f.note.want
	}
	todo := look.decide()
	if key == counter && look.disk.there && look.has && eve.ParseRestarted(content) == eve.ParseRestarted(f.want) {
		todo = actKeep
	}
	f.disk = look.disk
	if foreign := v.other[t.name] != nil && v.other[t.name].there; foreign && (todo == actImport || todo == actRecover) {
		todo, err = actLeave, errLane
	}
	switch todo {
	case actWrite:
		if look.disk.there && look.note.empty() {
			s.mirror.log.WithFields(logrus.Fields{"table": t.name, "file": fileName(key)}).Warn("a file that was not the mirror's differs from the table, and is replaced")
		}
	case actUnlink:
		f.disk.there = true // or its backup is
	case actImport:
		if key != counter {
			_, f.note.had = v.backup(t.dir, key, found)
		}
		v.put(id{t.name, key}, f, content)
	case actRecover:
		v.put(id{t.name, key}, f, backup)
		v.report(t.name).Recovered = append(v.report(t.name).Recovered, keyText(key))
		s.mirror.log.WithFields(logrus.Fields{"table": t.name, "file": fileName(key)}).Warn("a file is lost; its backup is taken")
	case actDelete:
		v.forget(id{t.name, key}, f)
	case actLeave:
		f.left = true
		f.disk.there = look.precious || look.disk.there
		v.left(t.name, leftError(t.dir, fileName(key), err))
	}
}

// content reads a file into what is known of it. One as large as the table's value
// is not too large.
func (v *survey) content(dir, key string, size int, found *listing, look *sight) ([]byte, error) {
	r, err := v.dirs.get(dir, false)
	if err != nil {
		return nil, err
	}
	content, disk, err := read(r, fileName(key), max(v.store.mirror.maxValue, size))
	switch {
	case errors.Is(err, fs.ErrNotExist): // it went just now
		return nil, nil
	case err != nil:
		look.odd, look.precious = true, found.files[key].Type().IsRegular()
		return nil, err
	}
	if key == counter { // an empty one is a counter, too
		disk.there = true
	}
	look.disk, look.empty = disk, !disk.there
	if look.empty {
		return nil, errEmpty
	}
	return content, nil
}

// backup reads a durable value's backup, if it has a good one.
func (v *survey) backup(dir, key string, found *listing) ([]byte, stamp) {
	if !v.store.durable || found.backups[key] == nil {
		return nil, stamp{}
	}
	r, err := v.dirs.get(dir, false)
	if err != nil {
		return nil, stamp{}
	}
	content, disk, err := read(r, fileName(key)+eve.Backup, v.store.mirror.maxValue)
	if err != nil || !disk.there {
		return nil, stamp{}
	}
	return content, disk
}

// put asks for a value, or a restart counter, as a file has it.
func (v *survey) put(of id, f *file, content []byte) {
	r := nkv.Request{Op: nkv.OpPut, Table: of.table, Key: of.key, Value: content, Durable: v.store.durable}
	if of.key == counter {
		r = nkv.Request{Op: nkv.OpMark, Table: of.table, Restart: eve.ParseRestarted(content), Make: true, Durable: v.store.durable}
	}
	v.asks = append(v.asks, &ask{id: of, file: f, request: r})
}

// forget asks for a deletion, or for the end of a restart.
func (v *survey) forget(of id, f *file) {
	r := nkv.Request{Op: nkv.OpDelete, Table: of.table, Key: of.key}
	if of.key == counter {
		r = nkv.Request{Op: nkv.OpMark, Table: of.table}
	}
	v.asks = append(v.asks, &ask{id: of, file: f, request: r})
}

func (v *survey) report(table string) *TableReport {
	r := v.reports[table]
	if r == nil {
		r = &TableReport{Table: table, Durable: v.store.durable}
		v.reports[table] = r
	}
	return r
}

// left reports a file that stays as it is, and is not imported.
func (v *survey) left(table string, err error) {
	v.store.mirror.log.WithError(err).WithField("table", table).Warn("an old file is not imported and stays as it is")
	v.report(table).Left = append(v.report(table).Left, err.Error())
}

// keyText is an encoded key as text.
func keyText(key string) string {
	if text, err := wire.DecodeToken(key); err == nil {
		return text
	}
	return key
}
