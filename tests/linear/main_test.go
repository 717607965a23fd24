package linear

import (
	"context"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// pause waits for a while that is a part of the run, not a condition. It returns
// false when ctx ends before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
