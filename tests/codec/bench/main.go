// Command bench measures generated code against encoding/json and go-cmp, in one
// run, on a small, a median and a large struct. It prints a
// row for each bound, and exits 1 when one is broken. Ratios are medians of
// interleaved rounds: times differ from machine to machine, and from minute to
// minute.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/evenkv/nkv/tests/codec/bench/generated"
	"github.com/evenkv/nkv/tests/codec/bench/plain"
)

// The bounds: how many times as fast generated code must be.
const (
	encodeBound = 3
	decodeBound = 4
	equalBound  = 30
	copyBound   = 15
)

// subject is one struct, with what each side does with it.
type subject struct {
	name   string
	fields int
	bytes  int
	ops    []op
}

// op is one operation on both sides.
type op struct {
	name         string
	bound        float64
	ours, theirs func()
	allocs       float64 // the most that ours may make
}

// generatedType is a pointer to a struct with generated code.
type generatedType[G any] interface {
	*G
	AppendJSON([]byte) ([]byte, error)
	DecodeJSON([]byte) error
}

func newSubject[P, G any, PG generatedType[G]](name string, equal func(a, b *G) bool, duplicate func(*G) G) subject {
	var p, other P
	fill(&p)
	data := must(json.Marshal(&p))
	check(json.Unmarshal(data, &p)) // as a reader has it
	check(json.Unmarshal(data, &other))
	var g, same, into G
	check(PG(&g).DecodeJSON(data))
	check(PG(&same).DecodeJSON(data))
	buffer := make([]byte, 0, 2*len(data))
	needs := testing.AllocsPerRun(10, func() { duplicate(&g) }) + float64(strings(&p))
	return subject{name: name, fields: numFields(&p), bytes: len(data), ops: []op{
		{"encode", encodeBound, func() { must(PG(&g).AppendJSON(buffer)) }, func() { must(json.Marshal(&p)) }, 0},
		{"decode", decodeBound,
			func() { into = *new(G); check(PG(&into).DecodeJSON(data)) },
			func() { var v P; check(json.Unmarshal(data, &v)) }, needs},
		{"Equal", equalBound, func() { mustBe(equal(&g, &same)) }, func() { mustBe(cmp.Equal(p, other, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}))) }, 0},
		{"DeepCopy", copyBound, func() { duplicate(&g) },
			func() { var v P; check(json.Unmarshal(must(json.Marshal(&p)), &v)) }, -1},
	}}
}

func main() {
	rounds := flag.Int("rounds", 7, "interleaved rounds")
	slack := flag.Float64("slack", 1, "divide the bounds by this: 1.5 where other work disturbs")
	flag.Parse()
	subjects := []subject{
		newSubject[plain.Small, generated.Small]("small", func(a, b *generated.Small) bool { return a.Equal(*b) }, func(v *generated.Small) generated.Small { return v.DeepCopy() }),
		newSubject[plain.Median, generated.Median]("median", func(a, b *generated.Median) bool { return a.Equal(*b) }, func(v *generated.Median) generated.Median { return v.DeepCopy() }),
		newSubject[plain.Large, generated.Large]("large", func(a, b *generated.Large) bool { return a.Equal(*b) }, func(v *generated.Large) generated.Large { return v.DeepCopy() }),
	}
	fmt.Printf("%-7s %6s %6s  %-9s %10s %10s %8s %8s %9s  %s\n", "struct", "fields", "bytes", "operation", "generated", "reflection", "ratio", "bound", "allocs", "verdict")
	broken := false
	for _, s := range subjects {
		for _, o := range s.ops {
			ours, ratio := o.measure(*rounds)
			allocs := testing.AllocsPerRun(100, o.ours)
			verdict := "ok"
			if ratio < o.bound / *slack || o.allocs >= 0 && allocs > o.allocs {
				verdict, broken = "BROKEN", true
			}
			fmt.Printf("%-7s %6d %6d  %-9s %10s %10s %7.1fx %7.0fx %9s  %s\n", s.name, s.fields, s.bytes, o.name,
				ours, time.Duration(float64(ours)*ratio), ratio, o.bound, allocated(allocs, o.allocs), verdict)
		}
	}
	if broken {
		os.Exit(1)
	}
}

// allocated shows allocations beside their bound; -1: there is none.
func allocated(n, most float64) string {
	if most < 0 {
		return fmt.Sprintf("%.0f", n)
	}
	return fmt.Sprintf("%.0f/%.0f", n, most)
}

// measure returns the median time of ours, and the median of the rounds' ratios.
func (o op) measure(rounds int) (time.Duration, float64) {
	var times []time.Duration
	var ratios []float64
	n := calibrate(o.ours)
	m := calibrate(o.theirs)
	for range rounds {
		ours, theirs := timed(o.ours, n), timed(o.theirs, m)
		times = append(times, ours)
		ratios = append(ratios, float64(theirs)/float64(ours))
	}
	slices.Sort(times)
	slices.Sort(ratios)
	return times[len(times)/2], ratios[len(ratios)/2]
}

// calibrate returns how often a function runs in about 30 ms.
func calibrate(f func()) int {
	n := 1
	for {
		if d := timed(f, n) * time.Duration(n); d > 30*time.Millisecond {
			return n
		}
		n *= 2
	}
}

// timed returns the time of one call.
func timed(f func(), n int) time.Duration {
	start := time.Now()
	for range n {
		f()
	}
	return time.Since(start) / time.Duration(n)
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func mustBe(ok bool) {
	if !ok {
		panic("values that are the same are not equal")
	}
}
