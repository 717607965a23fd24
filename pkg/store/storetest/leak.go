package storetest

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// CheckLeaks fails the test when, after its cleanup, a goroutine of a store
// still runs or a file in one of its temporary directories is open.
func CheckLeaks(t *testing.T) {
	t.Helper()
	// Cleanups run last in, first out: this one after those of the test.
	dir := filepath.Dir(t.TempDir())
	t.Cleanup(func() {
		for _, name := range openFiles(dir) {
			t.Errorf("file %s is still open", name)
		}
		// A goroutine that announced its end may need a moment to be gone.
		deadline := time.Now().Add(5 * time.Second)
		for {
			left := storeGoroutines()
			if left == "" {
				return
			}
			if time.Now().After(deadline) {
				t.Errorf("goroutines still run:\n%s", left)
				return
			}
			runtime.Gosched()
		}
	})
}

func storeGoroutines() string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var left []string
	for i, g := range strings.Split(string(buf), "\n\n") {
		if i > 0 && strings.Contains(g, "created by github.com/evenkv/nkv/pkg/store.") {
			left = append(left, g)
		}
	}
	return strings.Join(left, "\n\n")
}

// openFiles lists this process's open files under dir, where the system tells.
func openFiles(dir string) []string {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil
	}
	var open []string
	for _, e := range entries {
		name, err := os.Readlink(filepath.Join("/proc/self/fd", e.Name()))
		if err == nil && strings.HasPrefix(name, dir+string(filepath.Separator)) {
			open = append(open, name)
		}
	}
	return open
}
