package storetest

import (
	"maps"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/evenkv/nkv/pkg/store"
)

func equal(a, b Model) bool { return maps.Equal(a, b) }

// history is every state that a store went through, and how far it was
// acknowledged.
type history struct {
	mu     sync.Mutex
	states []Model // states[acked+1] is being committed, if it is there
	acked  int
}

func (h *history) bounds() (acked, begun int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.acked, len(h.states) - 1
}

func (h *history) begin(batch []store.Op) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.states = append(h.states, h.states[len(h.states)-1].With(batch))
}

func (h *history) acknowledge() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.acked++
}

// cut is what a power cut left, and between which states it happened.
type cut struct {
	dir          string
	acked, begun int
}

// testPowerCut cuts the power at random calls, those of a compaction included,
// and looks whether each directory that this leaves opens and holds everything
// that was acknowledged, and of what was not, all or nothing.
func testPowerCut(t *testing.T, d Driver) {
	r := Rand(t)
	h := &history{states: []Model{{}}}
	var mu sync.Mutex // guards r, cuts and calls
	var cuts []cut
	calls := 0
	disk := NewDisk()
	disk.Step = func() {
		mu.Lock()
		defer mu.Unlock()
		if calls++; r.IntN(12) != 0 {
			return
		}
		acked, _ := h.bounds()
		dir := disk.Cut(t, r)
		_, begun := h.bounds()
		cuts = append(cuts, cut{dir, acked, begun})
	}
	s, err := d.Open(t.TempDir(), disk.Calls())
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	batches := rand.New(rand.NewPCG(r.Uint64(), 1))
	for i := range 400 {
		batch := RandomBatch(batches, 12, 3000)
		h.begin(batch)
		commit(t, s, batch...)
		h.acknowledge()
		if i%150 == 149 {
			if err := s.Reload(); err != nil {
				t.Fatalf("reload: %v", err)
			}
		}
	}
	closeStore(t, s)
	for _, c := range cuts {
		s := open(t, d, c.dir)
		checkBetween(t, h, Contents(t, s), c)
		closeStore(t, s)
	}
	t.Logf("%d power cuts in %d calls", len(cuts), calls)
}

func checkBetween(t *testing.T, h *history, got Model, c cut) {
	t.Helper()
	for i := c.acked; i <= c.begun; i++ {
		if equal(got, h.states[i]) {
			return
		}
	}
	for i, state := range h.states {
		if equal(got, state) {
			t.Fatalf("a power cut after %d acknowledged batches (%d begun) left the state after %d", c.acked, c.begun, i)
		}
	}
	t.Fatalf("a power cut after %d acknowledged batches (%d begun) left a state that never was", c.acked, c.begun)
}

// testPowerCuts lives through one power cut after the other. What an opening
// shows counts as acknowledged, so it must still be there after the next.
func testPowerCuts(t *testing.T, d Driver) {
	r := Rand(t)
	dir, shown := t.TempDir(), Model{}
	for range 40 {
		h := &history{states: []Model{shown}}
		c := liveUntilCut(t, d, dir, h, rand.New(rand.NewPCG(r.Uint64(), 0)))
		next := open(t, d, CopyDir(t, c.dir))
		dir, shown = c.dir, Contents(t, next)
		checkBetween(t, h, shown, c)
		closeStore(t, next)
	}
}

// liveUntilCut opens the store in dir, which must show the first state of h, and
// commits until the power is cut at some call.
func liveUntilCut(t *testing.T, d Driver, dir string, h *history, r *rand.Rand) cut {
	t.Helper()
	var mu sync.Mutex // guards the three below
	left, calls, at := cut{}, 0, 1+r.IntN(40)
	cutting := rand.New(rand.NewPCG(r.Uint64(), 0))
	disk := NewDisk()
	disk.Step = func() {
		mu.Lock()
		defer mu.Unlock()
		if calls++; left.dir != "" || calls < at {
			return
		}
		left.acked, _ = h.bounds()
		left.dir = disk.Cut(t, cutting)
		_, left.begun = h.bounds()
	}
	isCut := func() (cut, bool) {
		mu.Lock()
		defer mu.Unlock()
		return left, left.dir != ""
	}
	s, err := d.Open(dir, disk.Calls())
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer closeStore(t, s)
	Check(t, s, h.states[0])
	for {
		if c, ok := isCut(); ok {
			return c
		}
		batch := RandomBatch(r, 12, 900)
		h.begin(batch)
		commit(t, s, batch...)
		h.acknowledge()
	}
}
