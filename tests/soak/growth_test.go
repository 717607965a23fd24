package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/server"
)

// figures are what must not grow.
type figures struct {
	memory      int64 // resident; of a server in this process: what lives
	descriptors int
	goroutines  int // 0: not known
}

func (f figures) String() string {
	text := fmt.Sprintf("%s, %d descriptors", mib(f.memory), f.descriptors)
	if f.goroutines > 0 {
		text += fmt.Sprintf(", %d goroutines", f.goroutines)
	}
	return text
}

// TestNothingGrows has faults happen beside a steady load, for a while, then for a
// moment nothing, again and again. What the server takes in the moments must stay
// what it is.
func TestNothingGrows(t *testing.T) {
	built := build(t)
	t.Run("a process", func(t *testing.T) {
		p := newPlace(t, built)
		live(t, p, 20*time.Minute, func() figures {
			now, _ := p.resident()
			return figures{memory: now, descriptors: p.descriptors()}
		})
	})
	t.Run("this process", func(t *testing.T) {
		p := servePlace(t, built)
		live(t, p, 10*time.Minute, func() figures {
			runtime.GC()
			runtime.GC() // what finalizers held
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return figures{int64(m.HeapAlloc), p.descriptors(), runtime.NumGoroutine()}
		})
	})
}

// servePlace runs a server in this process.
func servePlace(t testing.TB, built programs) *place {
	dir := t.TempDir()
	p := &place{t: t, player: built.player, options: testutil.ServerOptions{Socket: dir + "/s.sock"}}
	s, err := server.Start(context.Background(), server.Options{
		Socket: p.options.Socket, StoreDir: dir + "/store", VolatileDir: dir + "/volatile", OwnerGrace: 100 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return p
}

// live lets rounds pass and compares the figures of the last with those of the
// first.
func live(t *testing.T, p *place, longFor time.Duration, measure func() figures) {
	length, disturbed := 8*time.Second, 600*time.Millisecond
	if testutil.Long() {
		length, disturbed = longFor, 5*time.Second
	}
	seed := testutil.Seed(t)
	s := startSteady(t, p.url())
	v := newVictims(t, p, s, rand.New(rand.NewPCG(seed, 1)))
	violations := 0
	violated := func(format string, args ...any) { violations++; t.Errorf(format, args...) }
	var taken []figures
	for begun := time.Now(); len(taken) < 6 || time.Since(begun) < length; {
		v.disturb(disturbed)
		if what := v.recover(len(taken)); what != "" {
			violated("after %s not well again: %s", settled, what)
			break
		}
		s.forget()
		taken = append(taken, measure())
	}
	for _, err := range s.failures() {
		violated("the steady load: %v", err)
	}
	first, last := middle(taken[len(taken)/3:2*len(taken)/3]), middle(taken[2*len(taken)/3:])
	if most := first.memory + first.memory/8 + 4<<20; last.memory > most {
		violated("memory: from %s to %s", first, last)
	}
	if last.descriptors > first.descriptors {
		violated("descriptors: from %s to %s", first, last)
	}
	if last.goroutines > first.goroutines {
		violated("goroutines: from %s to %s", first, last)
	}
	t.Logf("soak: a long time, %s: %d rounds, %d faults injected, %d violations; in the middle: %s; in the end: %s; seed %d (NKV_SEED)",
		t.Name()[strings.LastIndexByte(t.Name(), '/')+1:], len(taken), v.faults, violations, first, last, seed)
}

// middle returns the median of each figure.
func middle(of []figures) figures {
	var memory, descriptors, goroutines []int
	for _, f := range of {
		memory, descriptors, goroutines = append(memory, int(f.memory)), append(descriptors, f.descriptors), append(goroutines, f.goroutines)
	}
	for _, all := range [][]int{memory, descriptors, goroutines} {
		slices.Sort(all)
	}
	n := len(of) / 2
	return figures{int64(memory[n]), descriptors[n], goroutines[n]}
}
