package nkv

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/pkg/store"
)

// TestReadRecord takes apart what the core commits, as a wrapper of a store does.
func TestReadRecord(t *testing.T) {
	entry := func(value string) []byte { _, record := newEntry("k", []byte(value), 7); return record }
	for _, c := range []struct {
		op   store.Op
		want Record
	}{
		{store.Op{Key: keyRecord("a.T", "k"), Value: entry("v")}, Record{Kind: RecordKey, Table: "a.T", Key: "k", Value: []byte("v")}},
		{store.Op{Key: keyRecord("a.T", "k"), Delete: true}, Record{Kind: RecordKey, Table: "a.T", Key: "k"}},
		{store.Op{Key: tableRecord("a.T"), Value: encodeMeta(meta{Restart: 3})}, Record{Kind: RecordTable, Table: "a.T", Restart: 3}},
		{store.Op{Key: tableRecord("a.T"), Delete: true}, Record{Kind: RecordTable, Table: "a.T"}},
		{store.Op{Key: NoteRecord("a.T", ""), Value: []byte("n")}, Record{Kind: RecordNote, Table: "a.T", Value: []byte("n")}},
		{store.Op{Key: recordCeiling, Value: encodeNumber(1)}, Record{}},
	} {
		got, err := ReadRecord(c.op)
		if err != nil {
			t.Errorf("%q: %v", c.op.Key, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.op.Key, diff)
		}
	}
	for _, op := range []store.Op{
		{Key: "k"}, {Key: "k\x09a.T"}, {Key: keyRecord("a.T", "k")}, {Key: tableRecord("a.T"), Value: []byte("{")}, {Key: "n\xff"},
	} {
		if got, err := ReadRecord(op); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%q: got %+v, %v, want ErrCorrupt", op.Key, got, err)
		}
	}
}

// The core neither reads notes nor removes them, but for those of another boot.
func TestNotesOfOthers(t *testing.T) {
	durable, volatile := newStore(), newStore()
	opts := Options{Durable: durable, Volatile: volatile, BootID: "1"}
	c, err := Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	note := store.Op{Key: NoteRecord("a.T", "k"), Value: []byte("note")}
	has := func(s *faultyStore) bool {
		for key := range s.All() {
			if key == note.Key {
				return true
			}
		}
		return false
	}
	for _, s := range []*faultyStore{durable, volatile} {
		if err := s.Commit([]store.Op{note}); err != nil {
			t.Fatal(err)
		}
	}
	for _, boot := range []string{"1", "2"} {
		opts.BootID = boot
		if c, err = Open(opts); err != nil {
			t.Fatal(err)
		}
		c.Close()
		if !has(durable) || has(volatile) != (boot == "1") {
			t.Errorf("boot %s: durable %t, volatile %t", boot, has(durable), has(volatile))
		}
	}
}

func TestMarkMakesTable(t *testing.T) {
	durable, volatile := newStore(), newStore()
	c, err := Open(Options{Durable: durable, Volatile: volatile})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(r Request) Result {
		answer := make(chan Result, 1)
		r.Done = func(result Result) { answer <- result }
		c.Submit(r)
		return <-answer
	}
	if err := ask(Request{Op: OpMark, Table: "t", Restart: 1}).Err; !errors.Is(err, ErrNotFound) {
		t.Errorf("without Make: %v", err)
	}
	if err := ask(Request{Op: OpMark, Table: "t", Make: true}).Err; !errors.Is(err, ErrNotFound) {
		t.Errorf("with 0: %v", err)
	}
	for _, d := range []bool{true, false} {
		name := map[bool]string{true: "d", false: "v"}[d]
		if err := ask(Request{Op: OpMark, Table: name, Restart: 2, Make: true, Durable: d}).Err; err != nil {
			t.Fatal(err)
		}
	}
	c.Close()
	if c, err = Open(Options{Durable: durable, Volatile: volatile}); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for name, d := range map[string]bool{"d": true, "v": false} {
		info := ask(Request{Op: OpSnapshot, Table: name}).Info
		if info.Restart != 2 || info.Durable != d || info.Opened {
			t.Errorf("%s: %+v", name, info)
		}
	}
}

// FuzzReadRecord takes operations apart that a log could hold.
func FuzzReadRecord(f *testing.F) {
	_, record := newEntry("k", []byte("v"), 7)
	f.Add(keyRecord("a.T", "k"), record, false)
	f.Add(tableRecord("a.T"), encodeMeta(meta{Restart: 3}), false)
	f.Add(NoteRecord("a.T", ""), []byte("n"), true)
	f.Add("k\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", []byte{0x80}, false)
	f.Fuzz(func(t *testing.T, key string, value []byte, gone bool) {
		r, err := ReadRecord(store.Op{Key: key, Value: value, Delete: gone})
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("%q: %v", key, err)
			}
			return
		}
		if again := splitRecord(recordKey, r.Table, r.Key); r.Kind == RecordKey && len(again) == len(key) && again != key {
			t.Errorf("%q is the record of %q and %q, whose record is %q", key, r.Table, r.Key, again)
		}
	})
}
