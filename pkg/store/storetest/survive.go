package storetest

import (
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"github.com/evenkv/nkv/pkg/store"
)

func testReopen(t *testing.T, d Driver) {
	dir := t.TempDir()
	want := Model{}
	for _, batch := range [][]store.Op{nil, {value("a", "1")}, oddBatch(), {gone("a"), gone("empty")}, nil} {
		s := open(t, d, dir)
		Check(t, s, want)
		commit(t, s, batch...)
		want.Apply(batch)
		closeStore(t, s)
	}
	Check(t, open(t, d, dir), want)
}

func testSecondOpener(t *testing.T, d Driver) {
	dir := t.TempDir()
	s := open(t, d, dir)
	commit(t, s, value("a", "1"))
	second, err := d.Open(dir, store.FileCalls{})
	if err == nil {
		second.Close()
	}
	if !errors.Is(err, store.ErrLocked) {
		t.Fatalf("second opener: got error %v, want ErrLocked", err)
	}
	commit(t, s, value("b", "2"))
	closeStore(t, s)
	Check(t, open(t, d, dir), Model{"a": "1", "b": "2"})
}

func testKillAfterCommit(t *testing.T, d Driver) {
	r := Rand(t)
	dir := t.TempDir()
	s := open(t, d, dir)
	want := Model{}
	for range 60 {
		batch := RandomBatch(r, 10, 3000)
		commit(t, s, batch...)
		want.Apply(batch)
		left := open(t, d, CopyDir(t, dir))
		Check(t, left, want)
		closeStore(t, left)
	}
}

// testKillWithinWrite ends the process after each part of a write, and looks
// for parts of a batch.
func testKillWithinWrite(t *testing.T, d Driver) {
	r := Rand(t)
	dir := t.TempDir()
	var mu sync.Mutex // guards r and the two below; an engine may write beside a commit
	var left []string
	armed := false
	s, err := d.Open(dir, store.FileCalls{WriteAt: func(f *os.File, b []byte, off int64) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		for n := 0; armed && n < len(b); {
			step := min(1+r.IntN(200), len(b)-n)
			if _, err := f.WriteAt(b[n:n+step], off+int64(n)); err != nil {
				return n, err
			}
			n += step
			left = append(left, CopyDir(t, dir))
		}
		return f.WriteAt(b, off)
	}})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer closeStore(t, s)
	arm := func(on bool) []string {
		mu.Lock()
		defer mu.Unlock()
		was := left
		armed, left = on, nil
		return was
	}
	batches := rand.New(rand.NewPCG(r.Uint64(), 0))
	before, count := Model{}, map[bool]int{}
	for range 20 {
		batch := RandomBatch(batches, 5, 800)
		after := before.With(batch)
		arm(true)
		commit(t, s, batch...)
		for _, dir := range arm(false) {
			s := open(t, d, dir)
			got := Contents(t, s)
			if !equal(got, before) {
				Check(t, s, after)
			}
			count[equal(got, after)]++
			closeStore(t, s)
		}
		s := open(t, d, CopyDir(t, dir))
		Check(t, s, after)
		closeStore(t, s)
		before = after
	}
	t.Logf("killed within a write: %d times nothing of the batch was there, %d times all", count[false], count[true])
}

func testRandomReopen(t *testing.T, d Driver) {
	r := Rand(t)
	dir := t.TempDir()
	want := Model{}
	for range 60 {
		s := open(t, d, dir)
		Check(t, s, want)
		for range r.IntN(30) {
			batch := RandomBatch(r, 20, 4000)
			commit(t, s, batch...)
			want.Apply(batch)
		}
		if r.IntN(3) == 0 {
			dir = CopyDir(t, dir)
		}
		closeStore(t, s)
	}
}
