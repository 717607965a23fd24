package testutil

import (
	"testing"
	"time"
)

// Await looks until the condition holds, and fails the test when it does not
// within the time. What says what was waited for.
func Await(t testing.TB, within time.Duration, what string, condition func() bool) {
	t.Helper()
	if !Holds(within, condition) {
		t.Fatalf("after %s still not so: %s", within, what)
	}
}

// Holds looks until the condition holds, and returns false when it does not
// within the time.
func Holds(within time.Duration, condition func() bool) bool {
	deadline := time.Now().Add(within)
	for pause := time.Millisecond; !condition(); pause = min(2*pause, 20*time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(pause)
	}
	return true
}
