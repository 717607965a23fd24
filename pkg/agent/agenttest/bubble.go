package agenttest

import (
	"runtime"
	"time"
)

// inBubble reports whether time is that of a testing/synctest bubble, which is
// not monotonic.
func inBubble() bool {
	now := time.Now()
	return now == now.Round(0)
}

// settleIn makes a bubble fit for a server and returns how to end that; in none
// there is nothing to do.
func settleIn() (end func()) {
	if !inBubble() {
		return func() {}
	}
	before := 0
	if raceDetector {
		// All timers of a bubble share one context of the race detector, which is
		// for one thread at a time; two may use it at once (unlockAndRun in
		// runtime/time.go of Go 1.26). It was seen to crash there, rarely; compare
		// https://github.com/golang/go/issues/78156.
		before = runtime.GOMAXPROCS(1)
	}
	return func() {
		runtime.GOMAXPROCS(before) // 0: it stays
		// The NATS client has a pool of timers for the whole process. One of a
		// bubble that is found there later ends the process. Two collections
		// empty pools.
		runtime.GC()
		runtime.GC()
	}
}
