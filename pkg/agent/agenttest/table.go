package agenttest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/evenkv/nkv/pkg/agent"
)

// watcher is the name of the agents that watch tables.
const watcher = "watcher"

// Table is a table as another agent sees it, with the calls that this agent's
// handlers got. Its methods are safe for concurrent use, but those that fail the
// test are for its goroutine.
type Table[T any] struct {
	s    *Server
	name string

	mu      sync.Mutex // guards the fields below
	values  map[string]T
	calls   []string
	changed chan struct{} // closed and renewed with each call
}

// Watch reads a table with an agent of its own, named "watcher", until the test
// ends.
func Watch[T any](s *Server, table agent.Table[T]) *Table[T] {
	s.t.Helper()
	w := &Table[T]{s: s, name: table.String(), values: map[string]T{}, changed: make(chan struct{})}
	s.Start(watcher, func(ctx context.Context, a *agent.Agent) error {
		_, err := agent.Subscribe(ctx, a, table, agent.Handlers[T]{
			Create: func(_ context.Context, key string, v T) error {
				w.note("create "+key, func() { w.values[key] = v })
				return nil
			},
			Modify: func(_ context.Context, key string, v, _ T) error {
				w.note("modify "+key, func() { w.values[key] = v })
				return nil
			},
			Delete: func(_ context.Context, key string, _ T) error {
				w.note("delete "+key, func() { delete(w.values, key) })
				return nil
			},
			Synchronized: func(context.Context) { w.note("synchronized", func() {}) },
			Restarted:    func(_ context.Context, n uint64) { w.note(fmt.Sprint("restarted ", n), func() {}) },
		})
		if err != nil {
			return err
		}
		return a.Run(ctx)
	})
	return w
}

func (w *Table[T]) note(call string, change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
	w.calls = append(w.calls, call)
	close(w.changed)
	w.changed = make(chan struct{})
}

// Values returns the table as it was seen last. What the values refer to must not
// be changed.
func (w *Table[T]) Values() map[string]T {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.values)
}

// Calls returns the calls since the last time, in their order: "create KEY",
// "modify KEY", "delete KEY", "synchronized", and "restarted N" with the owner's
// restart counter.
func (w *Table[T]) Calls() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	calls := w.calls
	w.calls = nil
	return calls
}

// Await waits until ok holds for the table's values and returns these. When it
// does not within Patience, the test fails and ends; what says what was waited
// for.
func (w *Table[T]) Await(what string, ok func(values map[string]T) bool) map[string]T {
	w.s.t.Helper()
	return w.await(what, func(values map[string]T, _ []string) bool { return ok(values) })
}

// AwaitCall waits until a call, written as Calls does, is among those since the
// last time that Calls was called.
func (w *Table[T]) AwaitCall(call string) {
	w.s.t.Helper()
	w.await("call "+call, func(_ map[string]T, calls []string) bool { return slices.Contains(calls, call) })
}

func (w *Table[T]) await(what string, ok func(values map[string]T, calls []string) bool) map[string]T {
	w.s.t.Helper()
	timeout := time.After(Patience)
	for {
		w.mu.Lock()
		values, changed, calls := maps.Clone(w.values), w.changed, slices.Clone(w.calls)
		w.mu.Unlock()
		if ok(values, calls) {
			return values
		}
		select {
		case <-changed:
		case <-timeout:
			w.s.t.Fatalf("table %s never showed: %s\nit is %+v\nafter %q", w.name, what, values, calls)
		}
	}
}
