package agenttest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// The pauses between two looks at how far everybody is grow from the first to the
// most: the return of a handler in another agent, or process, is no event here.
const (
	lookFirst = time.Millisecond
	lookMost  = 100 * time.Millisecond
)

var errChanging = errors.New("tables go on changing")

// Settled waits until these agents, or all when none is named, have handled all
// that is published, so that nothing happens any more unless something outside
// makes it happen. It asks the server who listens to its tables and how far they
// are, so it knows agents in other processes too. When they do not get there
// within Patience, the test fails and ends with what each lacks.
//
// An agent that is named must have a subscription. A handler that returned an
// error has handled its change; Settled does not wait until it is called again.
// It can't know of subscriptions that are not made yet, so wait for a sign that
// an agent has started before: AwaitCall("restarted 1"), for example.
func (s *Server) Settled(agents ...string) {
	s.t.Helper()
	s.ask(func(ctx context.Context, c *client.Client) {
		s.t.Helper()
		if err := s.settle(ctx, c, agents); err != nil {
			s.t.Fatalf("not settled within %s: %v", Patience, err)
		}
	})
}

// ask calls do with a connection of its own to the server, if that runs now.
func (s *Server) ask(do func(ctx context.Context, c *client.Client)) {
	s.t.Helper()
	running := s.door.running()
	if running == nil {
		s.t.Fatal("the server is away: it can't be asked")
	}
	ctx, cancel := patient()
	defer cancel()
	c, err := client.Connect(ctx, "", client.InProcess(running))
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	if err := c.Wait(ctx); err != nil {
		s.t.Fatal(err)
	}
	do(ctx, c)
}

// settle returns nil when all has been handled at one instant: twice in a row
// everybody was up to date, with the same heads. It returns what is missing when
// ctx is done.
func (s *Server) settle(ctx context.Context, c *client.Client, agents []string) error {
	var before map[string]uint64
	var missing error
	for pause := lookFirst; ; pause = min(2*pause, lookMost) {
		heads, err := s.look(ctx, c, names(agents))
		if err == nil && before != nil && maps.Equal(before, heads) {
			return nil
		}
		if ctx.Err() == nil { // its end explains nothing
			missing = cmp.Or(err, errChanging)
		}
		before = heads
		if !rest(ctx, pause) {
			return cmp.Or(missing, ctx.Err())
		}
	}
}

// rest waits; false: ctx is done.
func rest(ctx context.Context, pause time.Duration) bool {
	select {
	case <-time.After(pause):
		return true
	case <-ctx.Done():
		return false
	}
}

// look returns the heads of all tables, or who has not handled all up to them.
func (s *Server) look(ctx context.Context, c *client.Client, wanted map[string]bool) (map[string]uint64, error) {
	if err := s.reach(ctx, wanted); err != nil {
		return nil, err
	}
	tables, err := c.Tables(ctx, "")
	if err != nil {
		return nil, err
	}
	heads := map[string]uint64{}
	silent := maps.Clone(wanted)
	delete(silent, anyAgent)
	var behind []error
	for _, table := range tables {
		name, err := wire.ParseTable(table.Table)
		if err != nil {
			return nil, err
		}
		trace, err := c.Trace(ctx, name)
		if err != nil {
			return nil, err
		}
		heads[table.Table] = trace.Table.Head
		for _, l := range trace.Listeners {
			if wanted[anyAgent] || wanted[l.Agent] {
				delete(silent, l.Agent)
				behind = append(behind, lacks(l, trace.Table))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(silent)) {
		behind = append(behind, fmt.Errorf("agent %s has no subscription", name))
	}
	if err := errors.Join(behind...); err != nil {
		return nil, err
	}
	return heads, nil
}

// lacks says what a listener has not handled; nil: nothing.
func lacks(l wire.Listener, table wire.TableInfo) error {
	switch s := l.State; {
	case s == nil:
		return fmt.Errorf("agent %s does not say how far it is with %s", l.Agent, l.Subject)
	case s.Handled[table.Table] < table.Head || s.Pending > 0:
		return fmt.Errorf("agent %s has handled table %s up to revision %d of %d; %d changes of %s wait", l.Agent, table.Table, s.Handled[table.Table], table.Head, s.Pending, s.Pattern)
	}
	return nil
}

// reach asks something over the connection of each of the wanted agents, so that
// the server knows their subscriptions.
func (s *Server) reach(ctx context.Context, wanted map[string]bool) error {
	for _, a := range s.alive() {
		if !wanted[anyAgent] && !wanted[a.Name()] {
			continue
		}
		if _, err := a.Client().Version(ctx); err != nil && !errors.Is(a.Client().Connected(), client.ErrClosed) {
			return fmt.Errorf("agent %s: %w", a.Name(), err)
		}
	}
	return nil
}

// alive returns the agents that were not closed, and forgets the others.
func (s *Server) alive() []*agent.Agent {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.agents = slices.DeleteFunc(s.agents, func(a *agent.Agent) bool {
		return errors.Is(a.Client().Connected(), client.ErrClosed)
	})
	return slices.Clone(s.agents)
}
