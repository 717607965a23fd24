package store_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/evenkv/nkv/pkg/store"
)

// BenchmarkFloor commits a value of 250 bytes to a durable log, by turns with
// its floor: an append of the same bytes to a plain file, and fdatasync. It
// reports both medians and their ratio.
func BenchmarkFloor(b *testing.B) {
	dir := b.TempDir()
	l := openLog(b, store.Options{Dir: dir, Sync: true})
	f, err := os.Create(filepath.Join(dir, "floor"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	op := store.Op{Key: "zedagent.AppInstanceConfig.key", Value: make([]byte, 250)}
	_, _ = rand.Read(op.Value)
	if err := l.Commit([]store.Op{op}); err != nil {
		b.Fatal(err)
	}
	record := make([]byte, l.Stats().FileBytes-512)
	_, _ = rand.Read(record)
	var floor, commit []time.Duration
	for b.Loop() {
		began := time.Now()
		if _, err := f.Write(record); err != nil {
			b.Fatal(err)
		}
		if err := store.SyncFile(f); err != nil {
			b.Fatal(err)
		}
		between := time.Now()
		if err := l.Commit([]store.Op{op}); err != nil {
			b.Fatal(err)
		}
		floor = append(floor, between.Sub(began))
		commit = append(commit, time.Since(between))
	}
	slices.Sort(floor)
	slices.Sort(commit)
	b.ReportMetric(float64(at(floor, 50).Microseconds()), "floor-µs")
	b.ReportMetric(float64(at(commit, 50).Microseconds()), "commit-µs")
	b.ReportMetric(float64(at(commit, 50))/float64(at(floor, 50)), "commit/floor")
}

// BenchmarkCommit commits a value of 250 bytes.
func BenchmarkCommit(b *testing.B) {
	for name, durable := range map[string]bool{"durable": true, "volatile": false} {
		b.Run(name, func(b *testing.B) {
			l := openLog(b, store.Options{Dir: b.TempDir(), Sync: durable})
			value := make([]byte, 250)
			_, _ = rand.Read(value)
			for b.Loop() {
				if err := l.Commit([]store.Op{{Key: "zedagent.AppInstanceConfig.key", Value: value}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
