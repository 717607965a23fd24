package storetest

import (
	"testing"

	"github.com/evenkv/nkv/pkg/store"
)

// Driver tells the suite how to open an engine, and what it guarantees.
type Driver struct {
	// Open opens the engine on a directory, which may not exist yet, making all
	// its calls on files through files. An engine without files ignores both.
	Open func(dir string, files store.FileCalls) (store.PersistValue, error)

	// SurvivesKill says that what was committed is there after the process
	// ended in any way, and that one directory has one opener at a time.
	SurvivesKill bool

	// SurvivesPowerLoss says that what was committed is there after a power cut
	// at any instant. It includes SurvivesKill.
	SurvivesPowerLoss bool
}

// Run runs the suite: what every engine must do, and what this one guarantees.
func Run(t *testing.T, d Driver) {
	cases := []struct {
		name string
		test func(*testing.T, Driver)
		when bool
	}{
		{"empty at first", testEmpty, true},
		{"batches apply in order", testBatches, true},
		{"odd keys and values", testOdd, true},
		{"big values", testBig, true},
		{"impossible batches are refused whole", testRefused, true},
		{"all can be stopped", testAllStops, true},
		{"use after close", testClosed, true},
		{"close while committing", testCloseWhileCommitting, true},
		{"reload keeps what was committed", testReload, true},
		{"random operations", testRandom, true},
		{"reopening keeps what was committed", testReopen, d.SurvivesKill || d.SurvivesPowerLoss},
		{"second opener is refused", testSecondOpener, d.SurvivesKill || d.SurvivesPowerLoss},
		{"kill after each commit", testKillAfterCommit, d.SurvivesKill || d.SurvivesPowerLoss},
		{"kill within a write", testKillWithinWrite, d.SurvivesKill || d.SurvivesPowerLoss},
		{"random operations and reopening", testRandomReopen, d.SurvivesKill || d.SurvivesPowerLoss},
		{"power cut at any call", testPowerCut, d.SurvivesPowerLoss},
		{"power cut after power cut", testPowerCuts, d.SurvivesPowerLoss},
	}
	for _, c := range cases {
		if c.when {
			t.Run(c.name, func(t *testing.T) {
				CheckLeaks(t)
				c.test(t, d)
			})
		}
	}
}
