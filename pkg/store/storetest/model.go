package storetest

import (
	"fmt"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/pkg/store"
)

// Model is what a store should hold.
type Model map[string]string

// Apply applies a batch.
func (m Model) Apply(batch []store.Op) {
	for _, op := range batch {
		if op.Delete {
			delete(m, op.Key)
		} else {
			m[op.Key] = string(op.Value)
		}
	}
}

// With returns a copy of the model with a batch applied.
func (m Model) With(batch []store.Op) Model {
	next := maps.Clone(m)
	next.Apply(batch)
	return next
}

// Contents returns what a store holds, and fails when it yields a key twice.
func Contents(t testing.TB, s store.PersistValue) Model {
	t.Helper()
	got := Model{}
	for key, value := range s.All() {
		if _, twice := got[key]; twice {
			t.Errorf("All yielded key %q twice", key)
		}
		got[key] = string(value)
	}
	return got
}

// Check fails when a store does not hold what the model does.
func Check(t testing.TB, s store.PersistValue, want Model) {
	t.Helper()
	got := Contents(t, s)
	if maps.Equal(got, want) {
		return
	}
	t.Fatalf("what the store holds (-want +got):\n%s", cmp.Diff(want.outline(), got.outline()))
}

// outline tells values apart without showing them whole.
func (m Model) outline() map[string]string {
	out := map[string]string{}
	for key, value := range m {
		if len(value) > 32 {
			value = fmt.Sprintf("%d bytes, CRC %08x", len(value), crc32.ChecksumIEEE([]byte(value)))
		}
		out[key] = value
	}
	return out
}

// Rand returns a random source whose seed is printed when the test fails, and
// can be set with NKV_SEED.
func Rand(t testing.TB) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("NKV_SEED"); s != "" {
		if _, err := fmt.Sscan(s, &seed); err != nil {
			t.Fatalf("NKV_SEED: %v", err)
		}
	}
	t.Logf("NKV_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// RandomBatch makes a batch of up to 8 operations on a few keys, some of them
// deletes, some on the same key, with values up to about size bytes.
func RandomBatch(r *rand.Rand, keys, size int) []store.Op {
	batch := make([]store.Op, 1+r.IntN(8))
	for i := range batch {
		key := fmt.Sprintf("table.%d.key", r.IntN(keys))
		if r.IntN(4) == 0 {
			batch[i] = store.Op{Key: key, Delete: true}
			continue
		}
		value := make([]byte, r.IntN(size+1))
		switch r.IntN(4) {
		case 0: // zeros, which look like what was never written
		default:
			for j := range value {
				value[j] = byte(r.Uint32())
			}
		}
		batch[i] = store.Op{Key: key, Value: value}
	}
	return batch
}

// CopyDir copies the files of a directory into a new temporary one: what the
// death of the process at this instant would leave.
func CopyDir(t testing.TB, dir string) string {
	t.Helper()
	to := t.TempDir()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if os.IsNotExist(err) {
			continue // renamed meanwhile
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, e.Name()), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func open(t testing.TB, d Driver, dir string) store.PersistValue {
	t.Helper()
	s, err := d.Open(dir, store.FileCalls{})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

func closeStore(t testing.TB, s store.PersistValue) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func commit(t testing.TB, s store.PersistValue, batch ...store.Op) {
	t.Helper()
	if err := s.Commit(batch); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

func value(key, value string) store.Op { return store.Op{Key: key, Value: []byte(value)} }

func gone(key string) store.Op { return store.Op{Key: key, Delete: true} }
