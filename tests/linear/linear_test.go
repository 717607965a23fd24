package linear

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
)

// TestLinear lets days pass, each with a server of its own, and checks what was
// seen in them.
func TestLinear(t *testing.T) {
	length := 20 * time.Second
	if testutil.Long() {
		length = 10 * time.Minute
	}
	program, first := testutil.Build(t, "cmd/nkv-server"), testutil.Seed(t)
	days, total, faults := 0, tally{}, map[string]int{}
	violations := 0
	var slowest time.Duration
	for begun := time.Now(); days == 0 || time.Since(begun) < length; days++ {
		seed := first + uint64(days)
		d := live(t, program, seed)
		sum, wrong := d.check()
		total.add(sum)
		for fault, n := range d.faults {
			faults[fault] += n
		}
		slowest = max(slowest, d.slowest)
		violations += len(wrong)
		if len(wrong) > 0 {
			dir := d.save(wrong)
			t.Errorf("%d violations, the history is in %s; NKV_SEED=%d; the first are:\n%s",
				len(wrong), dir, seed, strings.Join(wrong[:min(5, len(wrong))], "\n"))
			break
		}
	}
	injected, kinds := 0, []string{}
	for _, fault := range slices.Sorted(maps.Keys(faults)) {
		injected += faults[fault]
		kinds = append(kinds, fmt.Sprintf("%d %s", faults[fault], fault))
	}
	t.Logf("linear: %d rounds, %d faults injected (%s), %d violations; %s; views right within %s; seed %d (NKV_SEED)",
		days, injected, strings.Join(kinds, ", "), violations, total, slowest.Round(time.Millisecond), first)
}
