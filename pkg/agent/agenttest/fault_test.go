package agenttest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/agent/agenttest"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// restarted is how far each start of a server moves the revisions ahead, at the
// least; see docs/architecture.md.
const restarted = 1 << 24

// TestWhatAFaultLeaves publishes in both kinds of tables with an owner that ends
// before the fault, and looks at what is there after it.
func TestWhatAFaultLeaves(t *testing.T) {
	for _, test := range []struct {
		name     string
		fault    func(s *agenttest.Server, meanwhile ...func())
		volatile bool // it is there
		new      bool // the server is
	}{
		{"cut", func(s *agenttest.Server, _ ...func()) { s.Cut() }, true, false},
		{"restart", (*agenttest.Server).Restart, true, true},
		{"kill", (*agenttest.Server).Kill, true, true},
		{"reboot", (*agenttest.Server).Reboot, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := agenttest.New(t)
			t.Run("before", func(t *testing.T) {
				agenttest.Publish(s.For(t), things).Put("a", Thing{1})
				agenttest.Publish(s.For(t), lasting).Put("a", Thing{2})
			})
			durable := agenttest.Watch(s, lasting)
			durable.Await("before", is("a", 2))
			c := s.Connect("asker").Client()
			health, err := c.Health(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			before := connection(t, s, "watcher", lasting.Name())
			away := false
			test.fault(s, func() {
				away = true
				if err := c.Connected(); !errors.Is(err, client.ErrDisconnected) {
					t.Errorf("while the server is away: %v", err)
				}
			})
			if away != test.new {
				t.Errorf("the server was away: %t", away)
			}
			s.Settled() // all are connected again
			after, err := c.Health(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if (after.Revision >= restarted) != test.new {
				t.Errorf("the revisions went from %d to %d", health.Revision, after.Revision)
			}
			if now := connection(t, s, "watcher", lasting.Name()); now == before && !test.new {
				t.Errorf("the watcher is still on connection %d", now)
			}
			want := map[string]Thing{"a": {2}}
			if diff := cmp.Diff(want, durable.Values()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{"create a", "synchronized"}, durable.Calls()); diff != "" {
				t.Error(diff)
			}
			_, found, err := c.Snapshot(t.Context(), things.Name())
			if err != nil || len(found) > 0 != test.volatile {
				t.Errorf("of the volatile table there are %d keys, %v", len(found), err)
			}
		})
	}
}

func TestRefusedAgentsStayAway(t *testing.T) {
	s := agenttest.New(t)
	seen := agenttest.Watch(s, things)
	pub := agenttest.Publish(s, things)
	other := agenttest.Publish(s, others)
	pub.Put("a", Thing{1})
	seen.Await("before", is("a", 1))
	s.Refuse("owner", "late")
	late := s.Connect("late")
	for range 3 { // it does not come back
		err := pub.Publish(shortly(t), "a", Thing{2})
		if !errors.Is(err, agent.ErrUnconfirmed) || !errors.Is(err, agent.ErrDisconnected) {
			t.Fatalf("got %v", err)
		}
	}
	if _, err := late.Client().Version(t.Context()); !errors.Is(err, client.ErrDisconnected) {
		t.Errorf("an agent that is refused from its start: %v", err)
	}
	other.Put("a", Thing{1}) // nobody else is
	s.Settled("watcher")
	if diff := cmp.Diff(map[string]Thing{"a": {1}}, seen.Values()); diff != "" {
		t.Error(diff)
	}
	s.Allow("owner")
	seen.Await("what was wanted meanwhile", is("a", 2))
	if err := late.Client().Wait(shortly(t)); !errors.Is(err, client.ErrDisconnected) {
		t.Errorf("only the other agent is allowed, but: %v", err)
	}
	s.Allow()
	if err := late.Client().Wait(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestRefusingAllIsUndoneForAll(t *testing.T) {
	s := agenttest.New(t)
	a, b := s.Connect("a").Client(), s.Connect("b").Client()
	for _, c := range []*client.Client{a, b} {
		if err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.Refuse()
	s.Refuse("a")
	s.Allow("a") // all still are
	for range 3 {
		for _, c := range []*client.Client{a, b} {
			if err := c.Connected(); !errors.Is(err, client.ErrDisconnected) {
				t.Errorf("refused: %v", err)
			}
		}
		<-shortly(t).Done()
	}
	s.Allow()
	for _, c := range []*client.Client{a, b} {
		if err := c.Wait(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestHeldBytesComeWithTheRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := agenttest.New(t)
		seen := agenttest.Watch(s, things)
		pub := agenttest.Publish(s, things)
		pub.Put("a", Thing{1})
		before := connection(t, s, "watcher", things.Name())
		seen.Calls()
		s.Hold("watcher")
		pub.Put("a", Thing{2})
		time.Sleep(time.Second)
		synctest.Wait()
		if calls := seen.Calls(); len(calls) > 0 {
			t.Errorf("while held: %q", calls)
		}
		s.Release("watcher")
		synctest.Wait()
		if diff := cmp.Diff([]string{"modify a"}, seen.Calls()); diff != "" {
			t.Error(diff)
		}
		if now := connection(t, s, "watcher", things.Name()); now != before {
			t.Errorf("connection %d became %d", before, now)
		}

		// The server does not wait for who stands still.
		s.Hold("watcher")
		pub.Put("a", Thing{3})
		pub.Put("a", Thing{4})
		time.Sleep(time.Minute)
		s.Release()
		seen.Await("what was held", is("a", 4))
		if now := connection(t, s, "watcher", things.Name()); now == before {
			t.Errorf("connection %d was not cut", before)
		}
	})
}

// TestAFaultLeavesQuestionsOpen holds a change on its way and breaks the
// connection.
func TestAFaultLeavesQuestionsOpen(t *testing.T) {
	for name, fault := range map[string]func(*agenttest.Server){
		"cut":    func(s *agenttest.Server) { s.Cut("raw") },
		"refuse": func(s *agenttest.Server) { s.Refuse("raw") },
		"kill":   func(s *agenttest.Server) { s.Kill() },
		"reboot": func(s *agenttest.Server) { s.Reboot() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := agenttest.New(t)
				c := s.Connect("raw").Client()
				if err := c.Wait(t.Context()); err != nil {
					t.Fatal(err)
				}
				s.Hold("raw")
				answered := make(chan error, 1)
				go func() {
					_, err := c.Put(t.Context(), wire.Path{Table: things.Name(), Key: "a"}, []byte("{}"))
					answered <- err
				}()
				synctest.Wait()
				began := time.Now()
				fault(s)
				if err := <-answered; !errors.Is(err, client.ErrUnconfirmed) || !errors.Is(err, client.ErrDisconnected) {
					t.Errorf("got %v", err)
				}
				if took := time.Since(began); took > time.Second {
					t.Errorf("it took %s to be noticed", took)
				}
			})
		})
	}
}

// TestAnAgentThatDies is how a test does to an agent what kill -9 does: it can't
// say good-bye.
func TestAnAgentThatDies(t *testing.T) {
	s := agenttest.New(t)
	up := make(chan struct{}, 2)
	run := func(ctx context.Context, a *agent.Agent) error {
		pub, err := agent.Publish(ctx, a, things)
		if err != nil {
			return err
		}
		if err := pub.Restarted(ctx); err != nil {
			return err
		}
		up <- struct{}{}
		return a.Run(ctx)
	}
	seen := agenttest.Watch(s, things)
	stop := s.Start("owner", run)
	<-up
	s.Refuse("owner")
	stop()
	s.Allow("owner")
	info, _, err := s.Connect("asker").Client().Snapshot(t.Context(), things.Name())
	if err != nil || !info.Open {
		t.Errorf("the table was given up: %+v, %v", info, err)
	}
	s.Start("owner", run)
	<-up
	seen.AwaitCall("restarted 2")
}
