package converge

import (
	"context"

	"github.com/evenkv/nkv/pkg/agent"
)

// Loop calls a function in an agent's event loop when something has changed. It
// belongs to that event loop.
type Loop struct {
	agent   *agent.Agent
	name    string
	do      func(ctx context.Context)
	waiting int  // required tables that are not complete yet
	due     bool // a call is in the event loop's queue
}

// New returns a loop that calls do. The name is for the log, when a call takes
// long.
func New(a *agent.Agent, name string, do func(ctx context.Context)) *Loop {
	return &Loop{agent: a, name: name, do: do}
}

// Table is a table that a Loop follows. It belongs to the event loop.
type Table[T any] struct {
	// Values are what the table holds, by key. They may only be read.
	Values map[string]T
	// Same reports whether a change makes no difference: Values has the new value,
	// and the loop's function is not called for it; nil: each makes one.
	Same func(v, old T) bool

	sub      *agent.Subscription[T]
	required bool
	read     bool // synchronized
	complete bool
}

// Complete reports whether the owner has told that it has published all it knew,
// and all of that was read: since the boot, for a durable table ever. Before, a key
// that is missing says nothing: a table that was just opened is empty.
func (t *Table[T]) Complete() bool { return t.complete }

// Follow returns a map that is kept equal to a table; it may only be read, in
// the event loop. do is called after each change of it, and not before every
// table that is followed so is complete: its owner has called Restarted since
// the boot, and all that it had published before was read.
func Follow[T any](ctx context.Context, l *Loop, table agent.Table[T]) (map[string]T, error) {
	l.waiting++
	t := &Table[T]{Values: map[string]T{}, required: true}
	return t.Values, t.follow(ctx, l, table)
}

// FollowOptional is Follow for a table that do can do without: it is called also
// before the table is complete.
func FollowOptional[T any](ctx context.Context, l *Loop, table agent.Table[T]) (*Table[T], error) {
	t := &Table[T]{Values: map[string]T{}}
	return t, t.follow(ctx, l, table)
}

func (t *Table[T]) follow(ctx context.Context, l *Loop, table agent.Table[T]) (err error) {
	put := func(key string, v T) error {
		t.Values[key] = v
		l.Soon()
		return nil
	}
	t.sub, err = agent.Subscribe(ctx, l.agent, table, agent.Handlers[T]{
		Create: func(_ context.Context, key string, v T) error { return put(key, v) },
		Modify: func(_ context.Context, key string, v, old T) error {
			if t.Same != nil && t.Same(v, old) {
				t.Values[key] = v
				return nil
			}
			return put(key, v)
		},
		Delete: func(_ context.Context, key string, _ T) error {
			delete(t.Values, key)
			l.Soon()
			return nil
		},
		Synchronized: func(context.Context) {
			t.read = true
			t.check(l, t.sub.Restarts())
		},
		Restarted: func(_ context.Context, counter uint64) { t.check(l, counter) },
	})
	return err
}

func (t *Table[T]) check(l *Loop, restarts uint64) {
	if t.complete || !t.read || restarts == 0 {
		return
	}
	t.complete = true
	if t.required {
		l.waiting--
	}
	l.Soon()
}

// Soon has do called as the next thing in the event loop. Changes that come
// together lead to one call. It must be called in the event loop.
func (l *Loop) Soon() {
	if l.due {
		return
	}
	l.due = l.agent.Do(l.name, l.run) == nil // it fails when the agent ends: nothing is to be done then
}

func (l *Loop) run(ctx context.Context) {
	l.due = false
	if l.waiting == 0 {
		l.do(ctx)
	}
}
