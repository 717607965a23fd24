package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/evenkv/nkv/pkg/store"
)

func testEmpty(t *testing.T, d Driver) {
	s := open(t, d, t.TempDir())
	Check(t, s, Model{})
	commit(t, s)
	Check(t, s, Model{})
}

func testBatches(t *testing.T, d Driver) {
	steps := []struct {
		name  string
		batch []store.Op
		want  Model
	}{
		{"put", []store.Op{value("a", "1"), value("b", "2")}, Model{"a": "1", "b": "2"}},
		{"overwrite", []store.Op{value("a", "3")}, Model{"a": "3", "b": "2"}},
		{"delete", []store.Op{gone("b")}, Model{"a": "3"}},
		{"delete what is not there", []store.Op{gone("b"), gone("z")}, Model{"a": "3"}},
		{"put twice", []store.Op{value("c", "1"), value("c", "2")}, Model{"a": "3", "c": "2"}},
		{"delete and put", []store.Op{gone("a"), value("a", "4")}, Model{"a": "4", "c": "2"}},
		{"put and delete", []store.Op{value("d", "4"), gone("d")}, Model{"a": "4", "c": "2"}},
		{"delete all", []store.Op{gone("a"), gone("c")}, Model{}},
		{"put again", []store.Op{value("a", "5")}, Model{"a": "5"}},
	}
	s := open(t, d, t.TempDir())
	for _, step := range steps {
		commit(t, s, step.batch...)
		t.Log(step.name)
		Check(t, s, step.want)
	}
}

// oddBatch has keys and values that an encoding may stumble over.
func oddBatch() []store.Op {
	batch := []store.Op{
		value("\x00", "zero"), value("\xff\xfe", "no UTF-8"), value("new\nline", "\n"),
		value("empty", ""), {Key: "nil"}, value("zeros", strings.Repeat("\x00", 5000)),
		value("..", "dots"), value("a/b", "slash"), value(strings.Repeat("k", store.MaxKey), "long key"),
	}
	for n := range 700 { // every place that a value's end can have in a sector
		batch = append(batch, value(fmt.Sprintf("length %d", n), strings.Repeat("x", n)))
	}
	return batch
}

func testOdd(t *testing.T, d Driver) {
	s := open(t, d, t.TempDir())
	batch := oddBatch()
	commit(t, s, batch...)
	Check(t, s, Model{}.With(batch))
	if err := s.Reload(); err != nil {
		t.Fatalf("reload: %v", err)
	}
	Check(t, s, Model{}.With(batch))
}

func testBig(t *testing.T, d Driver) {
	s := open(t, d, t.TempDir())
	big := bytes.Repeat([]byte("0123456789abcde\n"), 512<<10) // 8 MiB
	want := Model{}
	for _, key := range []string{"a", "b", "a"} {
		batch := []store.Op{{Key: key, Value: big}, value("beside", key)}
		commit(t, s, batch...)
		want.Apply(batch)
		Check(t, s, want)
	}
	if err := s.Reload(); err != nil {
		t.Fatalf("reload: %v", err)
	}
	Check(t, s, want)
	commit(t, s, gone("a"), gone("b"))
	Check(t, s, Model{"beside": "a"})
}

func testRefused(t *testing.T, d Driver) {
	huge := make([]byte, store.MaxValue+1)
	cases := []struct {
		name string
		ops  []store.Op
	}{
		{"empty key", []store.Op{value("", "x")}},
		{"empty key deleted", []store.Op{gone("")}},
		{"key too long", []store.Op{value(strings.Repeat("k", store.MaxKey+1), "x")}},
		{"value too large", []store.Op{{Key: "k", Value: huge}}},
		{"delete with a value", []store.Op{{Key: "k", Value: []byte("x"), Delete: true}}},
		{"batch too large", []store.Op{
			{Key: "1", Value: huge[1:]}, {Key: "2", Value: huge[1:]},
			{Key: "3", Value: huge[1:]}, {Key: "4", Value: huge[1:]},
		}},
	}
	s := open(t, d, t.TempDir())
	want := Model{"there": "before"}
	commit(t, s, value("there", "before"))
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := s.Commit(append([]store.Op{value("beside", "x"), gone("there")}, c.ops...))
			if !errors.Is(err, store.ErrNotCommitted) || errors.Is(err, store.ErrUnknown) {
				t.Fatalf("got error %v, want ErrNotCommitted", err)
			}
			Check(t, s, want)
		})
	}
	commit(t, s, value("after", "x"))
	Check(t, s, Model{"there": "before", "after": "x"})
}

func testAllStops(t *testing.T, d Driver) {
	s := open(t, d, t.TempDir())
	commit(t, s, value("a", "1"), value("b", "2"), value("c", "3"))
	n := 0
	for range s.All() {
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Fatalf("got %d keys before the break, want 2", n)
	}
}

func testClosed(t *testing.T, d Driver) {
	s := open(t, d, t.TempDir())
	commit(t, s, value("a", "1"))
	closeStore(t, s)
	closeStore(t, s)
	for name, call := range map[string]func() error{
		"commit":          func() error { return s.Commit([]store.Op{value("a", "2")}) },
		"commit of none":  func() error { return s.Commit(nil) },
		"reload":          s.Reload,
		"commit too long": func() error { return s.Commit([]store.Op{value("", "2")}) },
	} {
		if err := call(); !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s after close: got error %v, want ErrClosed", name, err)
		}
	}
}

func testCloseWhileCommitting(t *testing.T, d Driver) {
	for range 20 {
		s := open(t, d, t.TempDir())
		var wg sync.WaitGroup
		committed := make(chan struct{}, 1)
		wg.Go(func() {
			for i := 0; ; i++ {
				err := s.Commit([]store.Op{value(fmt.Sprint(i), "x")})
				if errors.Is(err, store.ErrClosed) {
					return
				}
				if err != nil {
					t.Errorf("commit: got error %v, want none or ErrClosed", err)
					return
				}
				select {
				case committed <- struct{}{}:
				default:
				}
			}
		})
		<-committed
		for range 3 {
			wg.Go(func() { closeStore(t, s) })
		}
		wg.Wait()
	}
}

func testReload(t *testing.T, d Driver) {
	s := open(t, d, t.TempDir())
	want := Model{}
	for i := range 20 {
		batch := []store.Op{value(fmt.Sprint(i), "x"), gone(fmt.Sprint(i - 3))}
		commit(t, s, batch...)
		want.Apply(batch)
		if err := s.Reload(); err != nil {
			t.Fatalf("reload: %v", err)
		}
		Check(t, s, want)
	}
}

func testRandom(t *testing.T, d Driver) {
	r := Rand(t)
	s := open(t, d, t.TempDir())
	want := Model{}
	for i := range 800 {
		batch := RandomBatch(r, 30, 2000)
		commit(t, s, batch...)
		want.Apply(batch)
		if i%100 == 0 {
			Check(t, s, want)
		}
		if r.IntN(200) == 0 {
			if err := s.Reload(); err != nil {
				t.Fatalf("reload: %v", err)
			}
			Check(t, s, want)
		}
	}
	Check(t, s, want)
}
