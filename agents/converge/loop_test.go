package converge_test

import (
	"context"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/agents/converge"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/agent/agenttest"
)

// Lamp is a value to follow.
type Lamp struct{ Level int }

var (
	needed   = agent.Table[Lamp]{Owner: "needed"}
	optional = agent.Table[Lamp]{Owner: "optional"}
)

func publish(t *testing.T, d *agenttest.Server, table agent.Table[Lamp]) *agent.Publication[Lamp] {
	t.Helper()
	pub, err := agent.Publish(context.Background(), d.Connect(table.Owner), table)
	if err != nil {
		t.Fatal(err)
	}
	return pub
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestNothingIsDoneBeforeTheOwnerHasToldAll: a table that was just opened is
// empty, which says nothing about what will be in it.
func TestNothingIsDoneBeforeTheOwnerHasToldAll(t *testing.T) {
	d := agenttest.New(t)
	seen := make(chan map[string]Lamp, 100)
	whole := make(chan bool, 100)
	d.Start("follower", func(ctx context.Context, a *agent.Agent) error {
		var values map[string]Lamp
		var other *converge.Table[Lamp]
		loop := converge.New(a, "look", func(context.Context) {
			seen <- maps.Clone(values)
			whole <- other.Complete()
		})
		var err error
		if values, err = converge.Follow(ctx, loop, needed); err != nil {
			return err
		}
		if other, err = converge.FollowOptional(ctx, loop, optional); err != nil {
			return err
		}
		return a.Run(ctx)
	})
	ctx := context.Background()
	pub := publish(t, d, needed)
	must(t, pub.Publish(ctx, "a", Lamp{1}))
	must(t, pub.Publish(ctx, "b", Lamp{2}))
	must(t, pub.Restarted(ctx))
	if diff := cmp.Diff(map[string]Lamp{"a": {1}, "b": {2}}, <-seen); diff != "" {
		t.Errorf("the first look saw (-want +got):\n%s", diff)
	}
	if <-whole {
		t.Error("the optional table is complete before it was opened")
	}
	other := publish(t, d, optional)
	must(t, other.Restarted(ctx))
	<-seen
	for !<-whole {
		<-seen
	}
	must(t, pub.Unpublish(ctx, "a"))
	if diff := cmp.Diff(map[string]Lamp{"b": {2}}, <-seen); diff != "" {
		t.Errorf("after the deletion (-want +got):\n%s", diff)
	}
}

// TestALaterReaderNeedsNoNewMark: the mark that was made before counts.
func TestALaterReaderNeedsNoNewMark(t *testing.T) {
	d := agenttest.New(t)
	ctx := context.Background()
	pub := publish(t, d, needed)
	must(t, pub.Publish(ctx, "a", Lamp{1}))
	must(t, pub.Restarted(ctx))
	seen := make(chan map[string]Lamp, 100)
	d.Start("follower", func(ctx context.Context, a *agent.Agent) error {
		var values map[string]Lamp
		loop := converge.New(a, "look", func(context.Context) { seen <- maps.Clone(values) })
		var err error
		if values, err = converge.Follow(ctx, loop, needed); err != nil {
			return err
		}
		return a.Run(ctx)
	})
	if diff := cmp.Diff(map[string]Lamp{"a": {1}}, <-seen); diff != "" {
		t.Error(diff)
	}
}

// TestAChangeThatMakesNoDifferenceCallsNothing: the value is there all the same.
func TestAChangeThatMakesNoDifferenceCallsNothing(t *testing.T) {
	d := agenttest.New(t)
	seen := make(chan map[string]Lamp, 100)
	var table *converge.Table[Lamp]
	d.Start("follower", func(ctx context.Context, a *agent.Agent) (err error) {
		loop := converge.New(a, "look", func(context.Context) { seen <- maps.Clone(table.Values) })
		if table, err = converge.FollowOptional(ctx, loop, optional); err != nil {
			return err
		}
		table.Same = func(v, old Lamp) bool { return v.Level/10 == old.Level/10 }
		return a.Run(ctx)
	})
	ctx := context.Background()
	pub := publish(t, d, optional)
	must(t, pub.Publish(ctx, "a", Lamp{10}))
	for got := <-seen; got["a"] != (Lamp{10}); got = <-seen {
	}
	must(t, pub.Publish(ctx, "a", Lamp{11}))
	d.Settled("follower")
	if n := len(seen); n > 0 {
		t.Errorf("it was called %d times", n)
	}
	must(t, pub.Publish(ctx, "b", Lamp{1}))
	if diff := cmp.Diff(map[string]Lamp{"a": {11}, "b": {1}}, <-seen); diff != "" {
		t.Error(diff)
	}
}
