package main

import (
	"context"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestTrim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var allocated, freed atomic.Uint64
		trim := &trimmer{allocated: allocated.Load, free: func() { freed.Add(1); allocated.Add(100) }}
		ctx, stop := context.WithCancel(t.Context())
		var work sync.WaitGroup
		work.Go(func() { trim.run(ctx) })
		for _, step := range []struct{ more, want uint64 }{
			{0, 0}, {trimAfter - 1, 0}, {1, 1}, {0, 1}, {trimAfter - 1, 1}, {1, 2}, {10 * trimAfter, 3}, {0, 3},
		} {
			allocated.Add(step.more)
			time.Sleep(trimEvery)
			synctest.Wait()
			if got := freed.Load(); got != step.want {
				t.Errorf("%d bytes more: it freed %d times, want %d", step.more, got, step.want)
			}
		}
		stop()
		work.Wait()
	})
}

func TestTrimmerCountsAllocations(t *testing.T) {
	trim := newTrimmer()
	before := trim.allocated()
	kept := make([]byte, trimAfter)
	if after := trim.allocated(); after-before < uint64(len(kept)) {
		t.Errorf("%d bytes were allocated, it counts %d", len(kept), after-before)
	}
}

func TestCollectOften(t *testing.T) {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	collectOften(func(string) string { return "100" })
	if got := debug.SetGCPercent(100); got != 100 {
		t.Errorf("with GOGC set it became %d", got)
	}
	collectOften(func(string) string { return "" })
	if got := debug.SetGCPercent(100); got != gcPercent {
		t.Errorf("it became %d, want %d", got, gcPercent)
	}
}
