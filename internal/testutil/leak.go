package testutil

import (
	"os"
	"testing"

	"github.com/evenkv/nkv/internal/leak"
)

// Main runs a package's tests and exits; it fails when a goroutine is left after
// them. Call it from TestMain. In a process that Process started it runs the
// server instead.
func Main(m *testing.M) {
	if serving() {
		os.Exit(serve())
	}
	leak.Main(m)
}
