package store_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
	logrustest "github.com/sirupsen/logrus/hooks/test"

	"github.com/evenkv/nkv/pkg/store"
	"github.com/evenkv/nkv/pkg/store/storetest"
)

// written is a log file as it was after each batch, from none on.
type written struct {
	states []storetest.Model
	sizes  []int64
	file   []byte
}

func put(key, value string) store.Op { return store.Op{Key: key, Value: []byte(value)} }

func del(key string) store.Op { return store.Op{Key: key, Delete: true} }

// writeBatches makes a log of some batches, small and large, one of them with
// values that look like what was never written.
func writeBatches(t *testing.T, closed bool) written {
	t.Helper()
	return writeLog(t, closed, [][]store.Op{
		{put("a", "1"), put("b", "a longer value")},
		{put("a", "2")},
		{put("zeros", strings.Repeat("\x00", 1100)), del("b")},
		{put("long", strings.Repeat("x", 700)), put("b", "")},
		{del("long"), put("c", "3")},
	})
}

func writeLog(t *testing.T, closed bool, batches [][]store.Op) written {
	t.Helper()
	dir := t.TempDir()
	l := openLog(t, store.Options{Dir: dir})
	w := written{states: []storetest.Model{{}}, sizes: []int64{l.Stats().FileBytes}}
	for i, batch := range batches {
		if err := l.Commit(batch); err != nil {
			t.Fatal(err)
		}
		w.states = append(w.states, w.states[i].With(batch))
		w.sizes = append(w.sizes, l.Stats().FileBytes)
	}
	if closed {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if w.file, err = os.ReadFile(filepath.Join(dir, "log")); err != nil {
		t.Fatal(err)
	}
	return w
}

func openLog(t testing.TB, opts store.Options) *store.Log {
	t.Helper()
	l, err := store.OpenLog(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// openBytes opens a log file with these bytes and returns what it holds. The
// directory is used again each time.
func openBytes(t *testing.T, dir string, b []byte, logger logrus.FieldLogger) (storetest.Model, error) {
	t.Helper()
	name := filepath.Join(dir, "log")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := store.OpenLog(store.Options{Dir: dir, Logger: logger})
	if err != nil {
		after, readErr := os.ReadFile(name)
		if readErr != nil || string(after) != string(b) {
			t.Fatal("a file that was refused was changed")
		}
		return nil, err
	}
	defer l.Close()
	return storetest.Contents(t, l), nil
}

func wantDamage(t *testing.T, err error) *store.DamageError {
	t.Helper()
	var damage *store.DamageError
	if !errors.As(err, &damage) || !errors.Is(err, store.ErrDamaged) {
		t.Fatalf("got error %v, want a DamageError", err)
	}
	return damage
}

func TestCutAtEveryByte(t *testing.T) {
	storetest.CheckLeaks(t)
	w := writeBatches(t, true)
	dir := t.TempDir()
	for size := range len(w.file) + 1 {
		got, err := openBytes(t, dir, w.file[:size], nil)
		if size < int(w.sizes[0]) {
			wantDamage(t, err)
			continue
		}
		if err != nil {
			t.Fatalf("cut at %d: %v", size, err)
		}
		committed := len(w.sizes) - 1
		for w.sizes[committed] > int64(size) {
			committed--
		}
		if diff := cmp.Diff(w.states[committed], got); diff != "" {
			t.Fatalf("cut at %d, after %d batches (-want +got):\n%s", size, committed, diff)
		}
	}
}

// TestZeroFromEveryByte is what a file looks like whose length was written and
// whose end was not.
func TestZeroFromEveryByte(t *testing.T) {
	w := writeBatches(t, false)
	dir := t.TempDir()
	start := w.sizes[len(w.sizes)-2]
	for from := int(start); from < len(w.file)-1; from++ {
		b := slices.Clone(w.file)
		clear(b[from:])
		got, err := openBytes(t, dir, b, nil)
		if err != nil {
			t.Fatalf("zero from %d: %v", from, err)
		}
		if diff := cmp.Diff(w.states[len(w.states)-2], got); diff != "" {
			t.Fatalf("zero from %d (-want +got):\n%s", from, diff)
		}
	}
}

// TestFlippedBitIsDamage opens a real log for some of the bits; the reader is
// shown all of them in reader_test.go.
func TestFlippedBitIsDamage(t *testing.T) {
	storetest.CheckLeaks(t)
	for _, closed := range []bool{false, true} {
		t.Run(fmt.Sprintf("closed %v", closed), func(t *testing.T) {
			w := writeBatches(t, closed)
			dir := t.TempDir()
			count := 0
			for bit := 0; bit < len(w.file)*8; bit += 29 {
				b := slices.Clone(w.file)
				b[bit/8] ^= 1 << (bit % 8)
				got, err := openBytes(t, dir, b, nil)
				if err == nil {
					t.Errorf("bit %d of byte %d flipped: not refused; the same contents: %v",
						bit%8, bit/8, maps.Equal(got, w.states[len(w.states)-1]))
					continue
				}
				damage := wantDamage(t, err)
				if damage.Offset > int64(bit/8) || damage.Offset+3000 < int64(bit/8) {
					t.Errorf("bit %d of byte %d flipped: damage reported at offset %d", bit%8, bit/8, damage.Offset)
				}
				count++
			}
			t.Logf("%d bits flipped, all refused", count)
		})
	}
}

// TestJudgement has one line for each thing that format.go says can or can't be
// told from a torn write.
func TestJudgement(t *testing.T) {
	storetest.CheckLeaks(t)
	big := strings.Repeat("0123456789abcdef", 200)
	w := writeLog(t, false, [][]store.Op{{put("a", big)}, {put("b", big)}})
	first, last, end := w.sizes[0], w.sizes[1], w.sizes[2]
	nextSector := func(off int64) int64 { return (off + 511) / 512 * 512 }
	garbage := func(b []byte) {
		for i := range b {
			b[i] = byte(i*i + i>>3 + 1)
		}
	}
	cases := []struct {
		name   string
		change func(b []byte) []byte
		keeps  int // batches; -1: refused
	}{
		{"nothing", func(b []byte) []byte { return b }, 2},
		{"last record zeroed", func(b []byte) []byte { clear(b[last:]); return b }, 1},
		{"last record zeroed from a sector on", func(b []byte) []byte { clear(b[nextSector(last):]); return b }, 1},
		{"a sector of the last record zeroed", func(b []byte) []byte { at := nextSector(last); clear(b[at : at+512]); return b }, 1},
		{"first sector of the last record zeroed", func(b []byte) []byte { clear(b[last:nextSector(last)]); return b }, 1},
		{"last sector of the last record zeroed", func(b []byte) []byte { clear(b[(end-1)/512*512:]); return b }, 1},
		{"last record garbage", func(b []byte) []byte { garbage(b[last:]); return b }, 1},
		{"a sector of the last record garbage", func(b []byte) []byte { at := nextSector(last); garbage(b[at : at+512]); return b }, 1},
		{"zeros behind", func(b []byte) []byte { return append(b, make([]byte, 5000)...) }, 2},
		{"a few bytes behind", func(b []byte) []byte { return append(b, "\x01\x02\x03"...) }, 2},
		{"garbage behind", func(b []byte) []byte { b = append(b, make([]byte, 5000)...); garbage(b[end:]); return b }, 2},
		{"first record again behind", func(b []byte) []byte { return append(b, b[first:last]...) }, 2},
		{"inside of the last record garbage", func(b []byte) []byte { at := nextSector(last); garbage(b[at+4 : at+512]); return b }, -1},
		{"header of the last record garbage but for its mark", func(b []byte) []byte { garbage(b[last+4 : last+32]); return b }, -1},
		{"header of the last record garbage but for its number", func(b []byte) []byte {
			garbage(b[last : last+8])
			garbage(b[last+16 : last+32])
			return b
		}, -1},
		{"first record zeroed", func(b []byte) []byte { clear(b[first:last]); return b }, -1},
		{"first record garbage", func(b []byte) []byte { garbage(b[first:last]); return b }, -1},
		{"a sector of the first record zeroed", func(b []byte) []byte { clear(b[1024:1536]); return b }, -1},
		{"last record in place of the first", func(b []byte) []byte { copy(b[first:], b[last:]); return b }, -1},
		{"file header zeroed", func(b []byte) []byte { clear(b[:512]); return b }, -1},
		{"empty file", func(b []byte) []byte { return nil }, -1},
		{"another file", func(b []byte) []byte { return []byte(strings.Repeat("{}\n", 1000)) }, -1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			logger, hook := logrustest.NewNullLogger()
			b := c.change(slices.Clone(w.file))
			got, err := openBytes(t, t.TempDir(), b, logger)
			if c.keeps < 0 {
				t.Log(wantDamage(t, err))
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(got, w.states[c.keeps]) {
				t.Fatalf("got %d keys, want the %d of the first %d batches", len(got), len(w.states[c.keeps]), c.keeps)
			}
			if cut := int64(len(b)) > w.sizes[c.keeps]; cut != (len(hook.AllEntries()) == 1) {
				t.Fatalf("a tail was cut: %v; log has %d entries", cut, len(hook.AllEntries()))
			}
			for _, e := range hook.AllEntries() {
				if e.Data["offset"] != w.sizes[c.keeps] || e.Data["bytes"] != int64(len(b))-w.sizes[c.keeps] {
					t.Errorf("log says offset %v, %v bytes", e.Data["offset"], e.Data["bytes"])
				}
			}
		})
	}
}

// TestCompactedFileIsSealed shows that a compacted file has no tail that could
// be taken for torn.
func TestCompactedFileIsSealed(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, store.Options{Dir: dir})
	if err := l.Commit([]store.Op{put("a", strings.Repeat("x", 2000))}); err != nil {
		t.Fatal(err)
	}
	if err := l.Reload(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func([]byte) []byte{
		"cut":    func(b []byte) []byte { return b[:len(b)-32] },
		"empty":  func(b []byte) []byte { return b[:512] },
		"zeroed": func(b []byte) []byte { clear(b[512:]); return b },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := openBytes(t, t.TempDir(), change(slices.Clone(b)), nil)
			wantDamage(t, err)
		})
	}
}
