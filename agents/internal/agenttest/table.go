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

// Table is a table as another agent sees it, with the calls that it got.
type Table[T any] struct {
	d    *Device
	name string

	mu      sync.Mutex // guards the fields below
	values  map[string]T
	calls   []string
	changed chan struct{} // closed and renewed with each call
}

// Watch starts to read a table with an agent of its own.
func Watch[T any](d *Device, table agent.Table[T]) *Table[T] {
	d.t.Helper()
	w := &Table[T]{d: d, name: table.String(), values: map[string]T{}, changed: make(chan struct{})}
	d.Start("watcher", func(ctx context.Context, a *agent.Agent) error {
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

// Values returns the table as it was seen last.
func (w *Table[T]) Values() map[string]T {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.values)
}

// Calls returns the calls since the last time, in their order.
func (w *Table[T]) Calls() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	calls := w.calls
	w.calls = nil
	return calls
}

// Await waits until the table is as wanted and returns it.
func (w *Table[T]) Await(what string, ok func(values map[string]T) bool) map[string]T {
	w.d.t.Helper()
	timeout := time.After(Patience)
	for {
		w.mu.Lock()
		values, changed, calls := maps.Clone(w.values), w.changed, slices.Clone(w.calls)
		w.mu.Unlock()
		if ok(values) {
			return values
		}
		select {
		case <-changed:
		case <-timeout:
			w.d.t.Fatalf("table %s never showed: %s\nit is %+v\nafter %v", w.name, what, values, calls)
		}
	}
}

// AwaitCall waits until a call was seen.
func (w *Table[T]) AwaitCall(call string) {
	w.d.t.Helper()
	w.Await("call "+call, func(map[string]T) bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return slices.Contains(w.calls, call)
	})
}
