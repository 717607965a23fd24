package crash

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"
)

// How a step can end that was not acknowledged.
var (
	errRefused = errors.New("refused: it did not happen")
	errUnknown = errors.New("unknown: it happened entirely or not at all")
	errNotYet  = errors.New("not yet: it did not happen, and may be tried again")
)

// target is what writers change: a server, or a core in this process.
type target interface {
	// put, delete, clear and mark return errRefused, errUnknown or errNotYet,
	// wrapped, when they are not acknowledged.
	put(table, key string, value []byte, durable bool, expect *uint64) (revision uint64, err error)
	delete(table, key string, expect *uint64) (revision uint64, err error)
	clear(table string) error
	mark(table string, counter uint64, durable bool) error
	read(table string) (*found, error)
}

// found is a table as it is found.
type found struct {
	exists  bool
	durable bool
	head    uint64
	restart uint64
	keys    map[string]cell
}

type cell struct {
	value    string
	revision uint64
}

// kind says what a step does.
type kind int

const (
	put kind = iota
	remove
	clearAll
	mark
)

// step is one change of a writer's table.
type step struct {
	kind     kind
	key      string
	value    string
	counter  uint64
	sent     int64
	acked    int64 // 0: it was not
	refused  bool  // it did not happen
	revision uint64
}

// clock tells instants that can be compared with those of a trace.
type clock func() int64

func monotonic() clock {
	began := time.Now()
	return func() int64 { return int64(time.Since(began)) + 1 }
}

// writer changes a table of its own, one step at a time.
type writer struct {
	table    string
	durable  bool
	sizes    []int // of values, about
	random   *rand.Rand
	now      clock
	unmarked bool // no marks: where changes are refused, an opening only takes time

	mu    sync.Mutex // guards steps
	steps []step

	// Of the writer's goroutine: the table after all that was acknowledged.
	state *found
}

func newWriter(table string, durable bool, sizes []int, random *rand.Rand, now clock) *writer {
	return &writer{table: table, durable: durable, sizes: sizes, random: random, now: now, state: &found{keys: map[string]cell{}}}
}

// apply is a step's effect.
func (f *found) apply(s step) {
	f.exists = true
	switch s.kind {
	case put:
		f.keys[s.key] = cell{s.value, s.revision}
	case remove:
		delete(f.keys, s.key)
	case clearAll:
		f.keys = map[string]cell{}
	case mark:
		f.restart = s.counter
	}
	f.head = max(f.head, s.revision)
}

// value is text that shows whether it is whole.
func value(n, size int) string {
	text := fmt.Sprintf("%d:%d:", n, size)
	unit := fmt.Sprintf("%x.", n)
	return text + strings.Repeat(unit, max(0, size-len(text))/len(unit))
}

// next decides on a step.
func (w *writer) next(n int) step {
	s := step{kind: put, key: fmt.Sprint("key-", w.random.IntN(6))}
	switch d := w.random.IntN(100); {
	case d < 4:
		s.kind = clearAll
	case d < 7 && !w.unmarked:
		s.kind, s.counter = mark, w.state.restart+1
	case d < 25:
		s.kind = remove
	}
	if s.kind == put {
		s.value = value(n, w.sizes[w.random.IntN(len(w.sizes))]/2+w.random.IntN(64))
	}
	return s
}

// write takes steps until stop is closed, or until the outcome of one is unknown.
func (w *writer) write(t testing.TB, to target, stop <-chan struct{}, did func()) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		if !w.step(t, to) {
			return
		}
		did()
	}
}

// step takes one step; false: its outcome is not known.
func (w *writer) step(t testing.TB, to target) bool {
	w.mu.Lock()
	n := len(w.steps)
	w.mu.Unlock()
	s := w.next(n)
	w.attack(t, to, s)
	s.sent = w.now()
	w.mu.Lock()
	w.steps = append(w.steps, s)
	w.mu.Unlock()
	revision, err := w.do(to, s)
	s.revision = revision
	switch {
	case err == nil:
		s.acked = w.now()
		if s.kind == put && s.revision <= w.state.head && w.state.keys[s.key].value != s.value {
			t.Errorf("%s: revision %d came after %d", w.table, s.revision, w.state.head)
		}
		w.state.apply(s)
	case errors.Is(err, errRefused), errors.Is(err, errNotYet):
		if there := w.state.keys[s.key].revision != 0; errors.Is(err, errRefused) && (s.kind != remove || there) && (s.kind != clearAll || w.state.exists) {
			t.Errorf("%s: step %d, %v: %v", w.table, n, s.kind, err)
		}
		s.refused = true
	case errors.Is(err, errUnknown):
		w.note(n, s)
		return false
	default:
		t.Errorf("%s: step %d: %v", w.table, n, err)
		return false
	}
	w.note(n, s)
	return true
}

func (w *writer) note(n int, s step) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.steps[n] = s
}

func (w *writer) do(to target, s step) (uint64, error) {
	var expect *uint64
	if w.random.IntN(3) == 0 {
		revision := w.state.keys[s.key].revision
		expect = &revision
	}
	switch s.kind {
	case put:
		return to.put(w.table, s.key, []byte(s.value), w.durable, expect)
	case remove:
		if w.state.keys[s.key].revision == 0 {
			expect = nil
		}
		return to.delete(w.table, s.key, expect)
	case clearAll:
		return 0, to.clear(w.table)
	default:
		return 0, to.mark(w.table, s.counter, w.durable)
	}
}

// attack asks for what must be refused, and would be found if it were not.
func (w *writer) attack(t testing.TB, to target, s step) {
	if w.random.IntN(8) != 0 {
		return
	}
	wrong := w.state.head + 1<<40
	if _, err := to.put(w.table, s.key, []byte("refused"), w.durable, &wrong); err == nil {
		t.Errorf("%s: a put that expects another revision was taken", w.table)
	}
}

// at returns the two things that the table can be at an instant: what was
// acknowledged before, and that with the step that was under way, if any.
func (w *writer) at(instant int64) (base, after *found) {
	w.mu.Lock()
	defer w.mu.Unlock()
	base = &found{keys: map[string]cell{}}
	for _, s := range w.steps {
		switch {
		case s.refused:
		case s.acked != 0 && s.acked < instant:
			base.apply(s)
		case s.sent < instant:
			after = base.with(s)
			return base, after
		default:
			return base, nil
		}
	}
	return base, nil
}

func (f *found) with(s step) *found {
	next := &found{exists: f.exists, head: f.head, restart: f.restart, keys: map[string]cell{}}
	for key, c := range f.keys {
		next.keys[key] = c
	}
	next.apply(s)
	return next
}

// verify holds a table that was found against an instant, and returns whether the
// step under way had happened.
func (w *writer) verify(f *found, instant int64) (happened bool, err error) {
	base, after := w.at(instant)
	why := base.differs(f)
	if why != "" && after != nil {
		happened = after.differs(f) == ""
	}
	switch {
	case why != "" && !happened:
		return false, fmt.Errorf("%s: %s", w.table, why)
	case f.head < base.head:
		return false, fmt.Errorf("%s: its head is %d; %d was acknowledged", w.table, f.head, base.head)
	case len(f.keys) > 0 && f.durable != w.durable:
		return false, fmt.Errorf("%s: durable is %t", w.table, f.durable)
	}
	return happened, nil
}

// differs says what a found table has that it should not; empty: nothing.
func (f *found) differs(got *found) string {
	if f.restart != got.restart {
		return fmt.Sprintf("the restart counter is %d, not %d", got.restart, f.restart)
	}
	var wrong []string
	for key, c := range got.keys {
		want, there := f.keys[key]
		switch {
		case !there:
			wrong = append(wrong, fmt.Sprintf("%q is there, as revision %d, %d bytes", key, c.revision, len(c.value)))
		case want.value != c.value:
			wrong = append(wrong, fmt.Sprintf("%q is another value, revision %d; %d was acknowledged", key, c.revision, want.revision))
		case want.revision != 0 && want.revision != c.revision:
			wrong = append(wrong, fmt.Sprintf("%q has revision %d; %d was acknowledged", key, c.revision, want.revision))
		}
	}
	for key, want := range f.keys {
		if _, there := got.keys[key]; !there {
			wrong = append(wrong, fmt.Sprintf("%q is gone; revision %d was acknowledged", key, want.revision))
		}
	}
	sort.Strings(wrong)
	return strings.Join(wrong, "; ")
}

// settle takes a table as it was found for what its writer goes on from: what is
// shown counts as acknowledged.
func (w *writer) settle(f *found) error {
	happened, err := w.verify(f, w.now())
	if err != nil {
		return err
	}
	w.mu.Lock()
	if n := len(w.steps) - 1; n >= 0 && w.steps[n].acked == 0 && !w.steps[n].refused {
		s := &w.steps[n]
		s.refused = !happened
		if happened {
			s.acked, s.revision = w.now(), f.keys[s.key].revision
		}
	}
	w.mu.Unlock()
	w.state, _ = w.at(w.now())
	return nil
}

// forget begins anew, with a table that is gone.
func (w *writer) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.steps, w.state = nil, &found{keys: map[string]cell{}}
}

// newest is the highest revision that was acknowledged before an instant.
func newest(writers []*writer, instant int64) uint64 {
	most := uint64(0)
	for _, w := range writers {
		base, _ := w.at(instant)
		most = max(most, base.head)
	}
	return most
}
