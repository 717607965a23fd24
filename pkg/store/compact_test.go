package store_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkv/nkv/pkg/store"
	"github.com/evenkv/nkv/pkg/store/storetest"
)

// dirBytes is what a directory takes.
func dirBytes(t testing.TB, dir string) int64 {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			total += info.Size()
		}
	}
	return total
}

// TestKillAtEachStepOfCompaction copies the directory before and after every
// call on a file while a compaction runs, and opens each copy.
func TestKillAtEachStepOfCompaction(t *testing.T) {
	storetest.CheckLeaks(t)
	for _, durable := range []bool{false, true} {
		t.Run(fmt.Sprintf("durable %v", durable), func(t *testing.T) {
			dir := t.TempDir()
			var mu sync.Mutex // guards the five below
			var copies []string
			var bounds [][2]int
			acked, begun, renames := 0, 0, 0
			disk := storetest.NewDisk()
			disk.Step = func() {
				mu.Lock()
				defer mu.Unlock()
				copies = append(copies, storetest.CopyDir(t, dir))
				bounds = append(bounds, [2]int{acked, begun})
			}
			calls := disk.Calls()
			rename := calls.Rename
			calls.Rename = func(from, to string) error {
				mu.Lock()
				renames++
				mu.Unlock()
				return rename(from, to)
			}
			l := openLog(t, store.Options{Dir: dir, Sync: durable, Floor: 4 << 10, Files: calls})
			states := []storetest.Model{{}}
			for i := 0; l.Stats().Compactions < 3; i++ {
				batch := []store.Op{put(fmt.Sprint("key ", i%7), strings.Repeat(fmt.Sprint(i), 150)), del(fmt.Sprint("key ", (i+3)%7))}
				states = append(states, states[i].With(batch))
				mu.Lock()
				begun++
				mu.Unlock()
				if err := l.Commit(batch); err != nil {
					t.Fatal(err)
				}
				mu.Lock()
				acked++
				mu.Unlock()
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			withTemp := 0
			for i, copied := range copies {
				if _, err := os.Stat(filepath.Join(copied, "log")); err != nil {
					continue // before the first file got its name
				}
				if _, err := os.Stat(filepath.Join(copied, "log.new")); err == nil {
					withTemp++
				}
				checkCopy(t, copied, states[bounds[i][0]:bounds[i][1]+1])
			}
			t.Logf("%d steps, %d of them with a compaction's file, %d renames", len(copies), withTemp, renames)
			if withTemp == 0 || renames < 4 {
				t.Error("the steps of a compaction were not met")
			}
		})
	}
}

func checkCopy(t *testing.T, dir string, either []storetest.Model) {
	t.Helper()
	l := openLog(t, store.Options{Dir: dir})
	defer l.Close()
	got := storetest.Contents(t, l)
	if !slices.ContainsFunc(either, func(m storetest.Model) bool { return fmt.Sprint(m) == fmt.Sprint(got) }) {
		storetest.Check(t, l, either[0])
	}
	if _, err := os.Stat(filepath.Join(dir, "log.new")); err == nil {
		t.Fatal("a file that a compaction left is still there")
	}
}

// TestDiskUseIsBounded writes much more than lives, as fast as it can.
func TestDiskUseIsBounded(t *testing.T) {
	storetest.CheckLeaks(t)
	cases := []struct {
		name         string
		keys, size   int
		floor, total int64
	}{
		{"one small key", 1, 100, 64 << 10, 4 << 20},
		{"many small keys", 5000, 250, 64 << 10, 30 << 20},
		{"few big keys", 4, 1 << 20, 64 << 10, 200 << 20},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			l := openLog(t, store.Options{Dir: dir, Floor: c.floor})
			written, most := int64(0), int64(0)
			value := make([]byte, c.size)
			for i := 0; written < c.total; i++ {
				if err := l.Commit([]store.Op{{Key: fmt.Sprint("key ", i%c.keys), Value: value}}); err != nil {
					t.Fatal(err)
				}
				written += int64(c.size)
				if i%16 == 0 || c.size > 1<<16 {
					most = max(most, dirBytes(t, dir))
				}
			}
			live := l.Stats().LiveBytes
			// Two more batches may be under way: one in each file.
			bound := 3*live + live/4 + 2*c.floor + 2*int64(c.size+1024)
			t.Logf("%d bytes written, %d live, at most %d on the medium (bound %d), %d compactions",
				written, live, most, bound, l.Stats().Compactions)
			if most > bound || l.Stats().Compactions == 0 {
				t.Error("the disk use is not bounded")
			}
		})
	}
}

// TestCompactionKeepsEverything changes random keys at full speed over many
// compactions.
func TestCompactionKeepsEverything(t *testing.T) {
	storetest.CheckLeaks(t)
	r := storetest.Rand(t)
	dir := t.TempDir()
	opts := store.Options{Dir: dir, Floor: 16 << 10}
	l := openLog(t, opts)
	want := storetest.Model{}
	for range 20000 {
		batch := storetest.RandomBatch(r, 300, 300)
		if err := l.Commit(batch); err != nil {
			t.Fatal(err)
		}
		want.Apply(batch)
	}
	storetest.Check(t, l, want)
	t.Logf("%+v", l.Stats())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	storetest.Check(t, openLog(t, opts), want)
}

// TestCommitDuringCompaction prints what a compaction of 100,000 keys of 250
// bytes does to the latency of commits. At 1,000 commits per second none may
// have to wait for it; without a pause between them, they must be slowed down
// rather than let the file grow.
func TestCommitDuringCompaction(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 100,000 keys")
	}
	cases := []struct {
		name    string
		durable bool
		pause   time.Duration
	}{
		{"durable paced", true, time.Millisecond},
		{"durable storm", true, 0},
		{"volatile paced", false, time.Millisecond},
		{"volatile storm", false, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			storetest.CheckLeaks(t)
			l := openLog(t, store.Options{Dir: t.TempDir(), Sync: c.durable})
			fillKeys(t, l, 100_000, 250)
			// The same once more, and the next commit starts a compaction.
			fillKeys(t, l, 100_000, 250)
			pace := time.NewTicker(max(c.pause, 1))
			defer pace.Stop()
			var calm, during []time.Duration
			start, took, done := time.Now(), time.Duration(0), false
			for len(calm) < 500 {
				if c.pause > 0 {
					<-pace.C
				}
				op := store.Op{Key: fmt.Sprintf("key %08d", rand.IntN(100_000)), Value: make([]byte, 250)}
				began := time.Now()
				if err := l.Commit([]store.Op{op}); err != nil {
					t.Fatal(err)
				}
				if done {
					calm = append(calm, time.Since(began))
					continue
				}
				// The commit that takes the new file over belongs to it too.
				during, took = append(during, time.Since(began)), time.Since(start)
				done = l.Stats().Compactions > 0
			}
			slices.Sort(calm)
			slices.Sort(during)
			t.Logf("compaction took %v; %d commits during it: p50 %v, p99 %v, worst %v, %d waited; 500 after it: p50 %v, p99 %v, worst %v",
				took, len(during), at(during, 50), at(during, 99), at(during, 100), l.Stats().Waits, at(calm, 50), at(calm, 99), at(calm, 100))
			if c.pause > 0 && l.Stats().Waits > 0 {
				t.Error("a commit waited for a compaction")
			}
		})
	}
}

func at(sorted []time.Duration, percent int) time.Duration {
	return sorted[(len(sorted)-1)*percent/100]
}

func fillKeys(t testing.TB, l *store.Log, keys, size int) {
	t.Helper()
	batch := []store.Op(nil)
	for i := range keys {
		batch = append(batch, store.Op{Key: fmt.Sprintf("key %08d", i), Value: make([]byte, size)})
		if len(batch) == 1000 {
			if err := l.Commit(batch); err != nil {
				t.Fatal(err)
			}
			batch = nil
		}
	}
}
