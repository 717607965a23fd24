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
	waiting int  // tables that were not read completely yet
	due     bool // a call is in the event loop's queue
}

// New returns a loop that calls do. The name is for the log, when a call takes
// long.
func New(a *agent.Agent, name string, do func(ctx context.Context)) *Loop {
	return &Loop{agent: a, name: name, do: do}
}

// Follow returns a map that is kept equal to a table; it may only be read, in
// the event loop. do is called after each change of it, and not before all
// tables that the loop follows were read completely.
func Follow[T any](ctx context.Context, l *Loop, table agent.Table[T]) (map[string]T, error) {
	values := map[string]T{}
	l.waiting++
	_, err := agent.Subscribe(ctx, l.agent, table, agent.Handlers[T]{
		Create: func(_ context.Context, key string, v T) error {
			values[key] = v
			l.Soon()
			return nil
		},
		Modify: func(_ context.Context, key string, v, _ T) error {
			values[key] = v
			l.Soon()
			return nil
		},
		Delete: func(_ context.Context, key string, _ T) error {
			delete(values, key)
			l.Soon()
			return nil
		},
		Synchronized: func(context.Context) {
			l.waiting--
			l.Soon()
		},
	})
	return values, err
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
