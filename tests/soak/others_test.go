package soak

import (
	"fmt"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
)

const (
	// factor is how many times longer the p99 of everybody else may take.
	factor = 2
	// settled is how long a view may take to become right again (G1).
	settled = 10 * time.Second
	// What else the machine does can break the bound in one measurement; what the
	// server does breaks it in all: in tries that were calm, of so many attempts.
	tries     = 5
	attempts  = 8
	windowFor = 300 * time.Millisecond
)

// other is somebody who may be noticed by nobody.
type other struct {
	name    string
	rounds  int // each with a quiet part before
	windows int // of the quiet part, and of that beside the other
	// grows bounds by how much the server's memory may be more, at any time
	// beside the other and after it.
	grows int64
	// begin has the other begin. It returns what ends it and checks that all is
	// well again.
	begin func(t testing.TB, p *place, s *steady, round int) (end func())
}

// TestNobodyElseNotices measures the steady load without and beside each other one
// in turn.
func TestNobodyElseNotices(t *testing.T) {
	built := build(t)
	for _, o := range []other{
		{name: "a handler that sleeps", rounds: 3, windows: 2, grows: 16 << 20, begin: sleepingHandler()},
		{name: "sockets that nobody reads", rounds: 1, windows: 8, grows: 3*pendingMost + 16<<20, begin: unreadSockets},
		{name: "a stopped process", rounds: 2, windows: 4, grows: pendingMost + 16<<20, begin: stoppedProcess()},
		{name: "1000 connections, 10000 subscriptions", rounds: 1, windows: 6, grows: crowdConnections * crowdEach, begin: crowd},
		{name: "100 connections a second", rounds: 3, windows: 2, grows: 16 << 20, begin: comingAndGoing},
		{name: "100000 keys", rounds: 1, windows: 6, grows: manyKeysCount * manyKeysEach, begin: manyKeys},
		{name: "no file descriptors", rounds: 1, windows: 5, grows: 16 << 20, begin: noDescriptors},
	} {
		if testutil.Long() {
			o.rounds, o.windows = 2, int(sleeps/windowFor)+10
		}
		t.Run(o.name, func(t *testing.T) { o.measure(t, newPlace(t, built)) })
	}
}

func (o other) measure(t *testing.T, p *place) {
	s := startSteady(t, p.url())
	s.windows(3) // buffers find their sizes
	before, _ := p.resident()
	violations := 0
	violated := func(format string, args ...any) { violations++; t.Errorf(format, args...) }
	var most int64
	var seen comparison
	rounds, broken, within := 0, 0, false
	for range attempts {
		seen = comparison{}
		for range o.rounds {
			seen.quiet = append(seen.quiet, s.windows(o.windows)...)
			p.forgetMost()
			end := o.begin(t, p, s, rounds)
			seen.beside = append(seen.beside, s.windows(o.windows)...)
			end()
			_, peak := p.resident()
			most = max(most, peak)
			rounds++
		}
		seen.quiet = append(seen.quiet, s.windows(o.windows)...)
		if within = seen.within(); within {
			break
		}
		t.Logf("not within: p99 %s", seen)
		if seen.calm() {
			broken++
		}
		if broken == tries {
			break
		}
	}
	switch {
	case broken > 0 && !within:
		violated("the p99 of others takes more than %d times as long: %s", factor, seen)
	case !within:
		t.Log("the machine was too busy with something else to tell")
	}
	for _, err := range s.failures() {
		violated("the steady load: %v", err)
	}
	if most-before > o.grows {
		violated("the server's memory went from %s to %s; the bound is %s more", mib(before), mib(most), mib(o.grows))
	}
	t.Logf("soak: %s: %d rounds, %d faults injected, %d violations; p99 %s; server %s, at most %s",
		o.name, rounds, rounds, violations, seen, mib(before), mib(most))
}

// comparison is the windows without and beside somebody.
type comparison struct{ quiet, beside []latencies }

func (c comparison) ratios() (put, event float64) { return median(c.beside).over(median(c.quiet)) }

func (c comparison) within() bool {
	put, event := c.ratios()
	return put <= factor && event <= factor
}

// calm reports whether the machine does nothing else that can be told from what is
// measured: the first half of the quiet windows and the second are alike.
func (c comparison) calm() bool {
	half := len(c.quiet) / 2
	put, event := median(c.quiet[:half]).over(median(c.quiet[half:]))
	return max(put, event, 1/put, 1/event) <= factor
}

func (c comparison) String() string {
	put, event := c.ratios()
	text := fmt.Sprintf("quiet: %s, beside: %s (%.2f, %.2f)", median(c.quiet), median(c.beside), put, event)
	if !c.calm() {
		text += ", on a machine that is busy with something else"
	}
	return text
}

// becomes waits until something is well again.
func becomes(t testing.TB, what string, well func() bool) {
	t.Helper()
	testutil.Await(t, settled, fmt.Sprint("well again: ", what), well)
}
