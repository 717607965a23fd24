package store_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"

	"github.com/evenkv/nkv/pkg/store"
)

// BenchmarkFloor is what the medium takes for the bytes of one batch: append
// and fdatasync, nothing else.
func BenchmarkFloor(b *testing.B) {
	value := make([]byte, 320)
	_, _ = rand.Read(value)
	f, err := os.Create(filepath.Join(b.TempDir(), "floor"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	for b.Loop() {
		if _, err := f.Write(value); err != nil {
			b.Fatal(err)
		}
		if err := store.SyncFile(f); err != nil {
			b.Fatal(err)
		}
	}
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
