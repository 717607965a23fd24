package mirror

import (
	"path/filepath"

	"github.com/evenkv/nkv/pkg/eve"
	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/store"
	"github.com/evenkv/nkv/pkg/wire"
)

// counter is the key under which a table's restart counter stands among its
// files: no value has an empty one.
const counter = ""

// table is a table as one lane has it.
type table struct {
	name  string           // encoded
	dir   string           // its directory, below the lane's; empty: the name can't be one
	there bool             // the store has it
	files map[string]*file // by encoded key
}

// file is one file: what it is to hold, and what it holds.
type file struct {
	want []byte // nil: no file. The bytes are the store's.
	note note   // as in the store
	disk stamp  // as far as is known
	left bool   // it holds what could not be imported, and stays until it is to change
}

// id names a file of a lane. Both parts are encoded.
type id struct{ table, key string }

func newTable(name string) *table {
	t := &table{name: name, files: map[string]*file{}}
	if parsed, err := wire.ParseTable(name); err == nil && eve.CheckTable(parsed) == nil {
		t.dir = filepath.FromSlash(eve.Name(parsed))
	}
	return t
}

// fileName is the name of a key's file; empty: the key can't be one.
func fileName(key string) string {
	if key == counter {
		return eve.RestartedFile
	}
	text, err := wire.DecodeToken(key)
	if err != nil {
		return ""
	}
	name, err := eve.FileName(text)
	if err != nil {
		return ""
	}
	return name
}

// wanted is what a record's file is to hold. The original has no empty files.
func wanted(op store.Op, r nkv.Record) []byte {
	switch {
	case op.Delete:
		return nil
	case r.Kind == nkv.RecordTable:
		return eve.FormatRestarted(r.Restart)
	case len(r.Value) == 0:
		return nil
	}
	return r.Value
}

// state is the tables of a lane, by encoded name.
type state map[string]*table

func (s state) table(name string) *table {
	t := s[name]
	if t == nil {
		t = newTable(name)
		s[name] = t
	}
	return t
}

// file returns a file, made when it is not there; nil: it can't be one.
func (t *table) file(key string) *file {
	f := t.files[key]
	if f == nil {
		if t.dir == "" || fileName(key) == "" {
			return nil
		}
		f = &file{}
		t.files[key] = f
	}
	return f
}

// tidy drops what nothing is known of.
func (s state) tidy(t *table, key string) {
	if f := t.files[key]; f != nil && f.want == nil && !f.disk.there && f.note.empty() {
		delete(t.files, key)
	}
	if len(t.files) == 0 && !t.there {
		delete(s, t.name)
	}
}

// readState reads what a store says. Of the files nothing is known yet.
func readState(inner store.PersistValue) (state, error) {
	s := state{}
	for key, value := range inner.All() {
		op := store.Op{Key: key, Value: value}
		r, err := nkv.ReadRecord(op)
		if err != nil {
			return nil, err
		}
		switch r.Kind {
		case nkv.RecordKey:
			if f := s.table(r.Table).file(r.Key); f != nil {
				f.want = wanted(op, r)
			}
		case nkv.RecordTable:
			t := s.table(r.Table)
			t.there = true
			if f := t.file(counter); f != nil {
				f.want = wanted(op, r)
				s.tidy(t, counter)
			}
		case nkv.RecordNote:
			if f := s.table(r.Table).file(r.Key); f != nil {
				if f.note, err = decodeNote(r.Value); err != nil {
					return nil, err
				}
			}
		}
	}
	return s, nil
}
