package agenttest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/agent/agenttest"
	"github.com/evenkv/nkv/pkg/server"
)

// TestChecksCanFail runs tests that must fail, in fake time, as they do so after
// Patience.
func TestChecksCanFail(t *testing.T) {
	for _, test := range []struct {
		name string
		test func(t testing.TB)
		want []string
	}{
		{"nothing", func(t testing.TB) {
			s := agenttest.New(t)
			agenttest.Watch(s, things)
			agenttest.Publish(s, things).Put("a", Thing{1})
		}, nil},
		{"a table never becomes so", func(t testing.TB) {
			s := agenttest.New(t)
			seen := agenttest.Watch(s, things)
			pub := agenttest.Publish(s, things)
			seen.AwaitCall("synchronized")
			pub.Put("a", Thing{1})
			seen.Await("two things", func(v map[string]Thing) bool { return len(v) == 2 })
			t.Error("it went on")
		}, []string{"table owner.Thing never showed: two things\nit is map[a:{N:1}]\nafter [\"synchronized\" \"create a\"]"}},
		{"a call never comes", func(t testing.TB) {
			s := agenttest.New(t)
			seen := agenttest.Watch(s, things)
			agenttest.Publish(s, things).Put("a", Thing{1})
			seen.AwaitCall("create a")
			seen.Calls()
			seen.AwaitCall("create a")
		}, []string{"table owner.Thing never showed: call create a"}},
		{"the server refuses the connection", func(t testing.TB) {
			s := agenttest.New(t)
			s.Refuse()
			agenttest.Publish(s, things)
		}, []string{"table owner.Thing can't be opened: "}},
		{"another agent owns the table", func(t testing.TB) {
			s := agenttest.New(t)
			agenttest.Publish(s, things)
			agenttest.Publish(s, things)
		}, []string{"table owner.Thing can't be opened: "}},
		{"a change is not acknowledged", func(t testing.TB) {
			s := agenttest.New(t)
			pub := agenttest.Publish(s, things)
			s.Refuse("owner")
			pub.Put("a", Thing{1})
		}, []string{`key "a" of table owner.Thing can't be published: `}},
		{"a key is not published", func(t testing.TB) {
			agenttest.Publish(agenttest.New(t), things).Delete("a")
		}, []string{`key "a" of table owner.Thing can't be unpublished: `}},
		{"the restart counter is not acknowledged", func(t testing.TB) {
			s := agenttest.New(t)
			pub := agenttest.Publish(s, things)
			s.Refuse()
			pub.Restarted()
		}, []string{"the restart counter of table owner.Thing can't be set: "}},
		{"an agent's name can't be", func(t testing.TB) {
			agenttest.New(t).Connect("")
		}, []string{"invalid option: Name"}},
		{"an option of the server can't be", func(t testing.TB) {
			agenttest.New(t, func(o *server.Options) { o.MaxValue = -1 })
		}, []string{"the server does not start: invalid option: MaxValue"}},
		{"an agent ends with an error", func(t testing.TB) {
			stop := agenttest.New(t).Start("agent", func(context.Context, *agent.Agent) error { return errors.New("oops") })
			stop()
			stop()
		}, []string{"agent agent ended: oops"}},
		{"an agent does not end", func(t testing.TB) {
			agenttest.New(t).Start("agent", func(context.Context, *agent.Agent) error {
				time.Sleep(lingers)
				return nil
			})
		}, []string{"agent agent does not end", "goroutines are left that the test started"}},
		{"a goroutine is left", func(t testing.TB) {
			agenttest.New(t)
			go lingering()
		}, []string{"agenttest_test.lingering"}},
		{"a handler is stuck", func(t testing.TB) {
			s := agenttest.New(t)
			agenttest.Publish(s, things).Put("a", Thing{1})
			s.Start("slow", subscribed(func() { time.Sleep(agenttest.Patience + time.Second) }))
			s.Settled()
		}, []string{"not settled within 20s: agent slow has handled table owner.Thing up to revision 0 of "}},
		{"an agent that should have settled has no subscription", func(t testing.TB) {
			s := agenttest.New(t)
			agenttest.Publish(s, things)
			s.Settled("owner", "nobody")
		}, []string{"not settled within 20s: agent nobody has no subscription\nagent owner has no subscription"}},
		{"an agent that should have settled is kept away", func(t testing.TB) {
			s := agenttest.New(t)
			agenttest.Watch(s, things)
			s.Refuse("watcher")
			s.Settled()
		}, []string{"not settled within 20s: agent watcher: "}},
		{"it never settles", func(t testing.TB) {
			s := agenttest.New(t)
			pub := agenttest.Publish(s, things)
			ctx, cancel := context.WithCancel(context.Background())
			t.Cleanup(cancel)
			go func() {
				for i := 1; ctx.Err() == nil; i++ {
					pub.Publish(ctx, "a", Thing{i})                               //nolint:errcheck // it ends with the test
					time.Sleep(min(time.Duration(i), 100) * time.Millisecond / 2) // less than between two looks
				}
			}()
			s.Settled()
		}, []string{"not settled within 20s: tables go on changing"}},
		{"nothing settles without a server", func(t testing.TB) {
			s := agenttest.New(t)
			s.Restart(func() { s.Settled() })
		}, []string{"the server is away: it can't be asked"}},
		{"a socket in a bubble", func(t testing.TB) {
			agenttest.New(t).URL()
		}, []string{"time would stand still"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fails(t, test.test, test.want...)
				time.Sleep(lingers) // what was left ends too
			})
		})
	}
}

// lingers is longer than waiting for the end of an agent and of its goroutines.
const lingers = 3 * agenttest.Patience

func lingering() { time.Sleep(lingers) }

// subscribed returns an agent that reads the things.
func subscribed(handle func()) func(ctx context.Context, a *agent.Agent) error {
	return func(ctx context.Context, a *agent.Agent) error {
		_, err := agent.Subscribe(ctx, a, things, agent.Handlers[Thing]{
			Create: func(context.Context, string, Thing) error { handle(); return nil },
			Modify: func(context.Context, string, Thing, Thing) error { handle(); return nil },
		})
		if err != nil {
			return err
		}
		return a.Run(ctx)
	}
}
