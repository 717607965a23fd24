package codec

import (
	"fmt"
	"math/rand/v2"

	"github.com/evenkv/nkv/internal/testutil"
)

// dice decide what a random value or mutation looks like. They draw from a seed,
// or from bytes that a fuzzer gives; when the bytes are used up, everything is
// zero, which by convention is the smallest choice.
type dice struct {
	rng  *rand.Rand
	data []byte
}

func seeded(seed, stream uint64) *dice { return &dice{rng: rand.New(rand.NewPCG(seed, stream))} }

// n returns a number from 0 up to, but without, limit.
func (d *dice) n(limit int) int {
	if d.rng != nil {
		return d.rng.IntN(limit)
	}
	n := int(d.byte())
	if limit > 256 {
		n |= int(d.byte()) << 8
	}
	return n % limit
}

func (d *dice) byte() byte {
	if d.rng != nil {
		return byte(d.rng.Uint32())
	}
	if len(d.data) == 0 {
		return 0
	}
	b := d.data[0]
	d.data = d.data[1:]
	return b
}

// one reports true once in so many times.
func (d *dice) one(in int) bool { return d.n(in) == in-1 }

func (d *dice) bits() uint64 {
	if d.rng != nil {
		return d.rng.Uint64()
	}
	var u uint64
	for range 8 {
		u = u<<8 | uint64(d.byte())
	}
	return u
}

func pick[T any](d *dice, from []T) T { return from[d.n(len(from))] }

// rounds scales a number of repetitions.
func rounds(n int) int {
	if testutil.Long() {
		return n * 20
	}
	return n
}

// short cuts what is long for a message.
func short[T ~string | ~[]byte](text T) string {
	const limit = 600
	if len(text) > limit {
		return fmt.Sprintf("%q… (%d bytes)", text[:limit], len(text))
	}
	return fmt.Sprintf("%q", text)
}

// differ shows two texts where they begin to differ.
func differ(got, want []byte) string {
	at := 0
	for at < len(got) && at < len(want) && got[at] == want[at] {
		at++
	}
	from := max(0, at-60)
	return fmt.Sprintf(" at byte %d\n got …%s\nwant …%s", at, short(got[from:min(len(got), at+60)]), short(want[from:min(len(want), at+60)]))
}
