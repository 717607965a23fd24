package leak

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"runtime/pprof"
	"strings"
	"time"
)

// label is the profiler's label that marks goroutines. A goroutine has the labels
// of the one that started it.
const label = "nkv-test"

// Mark marks the calling goroutine, so that those that it starts from now on, and
// that these start, are known from those of other tests, which may run at the
// same time. Left, called from the same goroutine, ends that and returns the
// stacks of those that are left, waiting some time for them to end; empty: none.
func Mark() (left func(within time.Duration) string) {
	mark := rand.Text()
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels(label, mark)))
	return func(within time.Duration) string {
		pprof.SetGoroutineLabels(context.Background())
		deadline := time.Now().Add(within)
		for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
			left := marked(mark)
			if left == "" || time.Now().After(deadline) {
				return left
			}
			time.Sleep(pause) // an end has no event
		}
	}
}

func marked(mark string) string {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		return fmt.Sprintf("the goroutines can't be listed: %v", err)
	}
	var left []string
	for stack := range strings.SplitSeq(profile.String(), "\n\n") {
		if strings.Contains(stack, mark) && !strings.Contains(stack, "\ttesting.tRunner+") {
			left = append(left, stack)
		}
	}
	return strings.Join(left, "\n\n")
}
