package linear

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// long reports whether the heavier runs are wanted.
func long() bool { return os.Getenv("NKV_LONG") == "1" }

// seed returns the seed of the run; NKV_SEED sets it.
func seed(t testing.TB) uint64 {
	t.Helper()
	text := os.Getenv("NKV_SEED")
	if text == "" {
		return rand.Uint64()
	}
	given, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return given
}

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
