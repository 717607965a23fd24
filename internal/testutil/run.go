package testutil

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// Long reports whether the heavier runs are wanted: NKV_LONG=1.
func Long() bool { return os.Getenv("NKV_LONG") == "1" }

// Seed returns the seed of a test's choices and logs it. It is a random one, unless
// NKV_SEED sets it.
func Seed(t testing.TB) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("NKV_SEED"); text != "" {
		given, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("NKV_SEED: %v", err)
		}
		seed = given
	}
	t.Logf("seed %d (NKV_SEED)", seed)
	return seed
}

// Rand returns a random source of Seed.
func Rand(t testing.TB) *rand.Rand {
	t.Helper()
	return rand.New(rand.NewPCG(Seed(t), 1))
}
