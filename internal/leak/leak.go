// Package leak finds goroutines that outlive the tests of a package. It imports
// nothing of this module, so that every package's tests can use it.
package leak

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// wait is how long goroutines that were told to end may take.
const wait = 10 * time.Second

// Main runs a package's tests and exits; it fails when a goroutine is left after
// them. Call it from TestMain.
func Main(m *testing.M) {
	code := m.Run()
	if left := Goroutines(wait); code == 0 && left != "" {
		fmt.Fprintf(os.Stderr, "goroutines still run after all tests:\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// Goroutines returns the stacks of the goroutines that are left besides the
// caller's and the runtime's, waiting some time for them to end; empty: none.
func Goroutines(within time.Duration) string {
	for deadline := time.Now().Add(within); ; time.Sleep(time.Millisecond) { // an end has no event
		left := strings.Join(goroutines(), "\n\n")
		if left == "" || time.Now().After(deadline) {
			return left
		}
	}
}

func goroutines() []string {
	buf := make([]byte, 4<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var left []string
	for i, g := range strings.Split(string(buf), "\n\n") {
		if i > 0 && !ofTesting(g) {
			left = append(left, g)
		}
	}
	return left
}

// ofTesting reports whether a goroutine belongs to the test's own machinery.
func ofTesting(stack string) bool {
	for _, own := range []string{
		"testing.(*M).", "testing.tRunner(", "testing.runFuzz", "os/signal.signal_recv", "os/signal.loop",
	} {
		if strings.Contains(stack, own) {
			return true
		}
	}
	return false
}
