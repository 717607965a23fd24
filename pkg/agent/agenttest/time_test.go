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
	"github.com/evenkv/nkv/pkg/server"
)

// TestFakeTimeIsForTheBackOff tests an agent that is called again after a minute,
// after two, and after four.
func TestFakeTimeIsForTheBackOff(t *testing.T) {
	began := time.Now()
	synctest.Test(t, func(t *testing.T) {
		s := agenttest.New(t)
		pub := agenttest.Publish(s, things)
		begins := time.Now()
		var calls []time.Duration
		s.Start("agent", func(ctx context.Context, a *agent.Agent) error {
			_, err := agent.Subscribe(ctx, a, things, agent.Handlers[Thing]{
				Create: func(context.Context, string, Thing) error {
					if calls = append(calls, time.Since(begins)); len(calls) < 4 {
						return errors.New("not yet")
					}
					return nil
				},
			})
			if err != nil {
				return err
			}
			return a.Run(ctx)
		}, agent.Retry(time.Minute, time.Hour))
		pub.Put("a", Thing{1})
		time.Sleep(time.Hour)
		synctest.Wait()
		want := []time.Duration{0, time.Minute, 3 * time.Minute, 7 * time.Minute}
		if diff := cmp.Diff(want, calls); diff != "" {
			t.Error(diff)
		}
	})
	if took := time.Since(began); took > time.Minute {
		t.Errorf("an hour took %s", took)
	}
}

// TestWaitIsEnoughInABubble shows that nothing in the server or in an agent waits
// for anything but time or each other.
func TestWaitIsEnoughInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := agenttest.New(t)
		seen, durable := agenttest.Watch(s, things), agenttest.Watch(s, lasting)
		pub, kept := agenttest.Publish(s, things), agenttest.Publish(s, lasting)
		for i := range 20 {
			now := time.Now()
			pub.Put("a", Thing{i})
			kept.Put("a", Thing{i})
			synctest.Wait()
			if diff := cmp.Diff(map[string]Thing{"a": {i}}, seen.Values()); diff != "" {
				t.Fatal(diff)
			}
			if diff := cmp.Diff(map[string]Thing{"a": {i}}, durable.Values()); diff != "" {
				t.Fatal(diff)
			}
			if took := time.Since(now); took > 0 {
				t.Fatalf("it took %s", took)
			}
		}
	})
}

func TestFaultsInABubble(t *testing.T) {
	for name, fault := range map[string]func(*agenttest.Server){
		"cut":     func(s *agenttest.Server) { s.Cut() },
		"restart": func(s *agenttest.Server) { s.Restart() },
		"kill":    func(s *agenttest.Server) { s.Kill() },
		"reboot":  func(s *agenttest.Server) { s.Reboot() },
		"refuse":  func(s *agenttest.Server) { s.Refuse(); time.Sleep(10 * time.Minute); s.Allow() },
		"hold":    func(s *agenttest.Server) { s.Hold(); time.Sleep(10 * time.Minute); s.Release() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := agenttest.New(t)
				seen, durable := agenttest.Watch(s, things), agenttest.Watch(s, lasting)
				pub, kept := agenttest.Publish(s, things), agenttest.Publish(s, lasting)
				for i := range 3 {
					pub.Put("a", Thing{i})
					kept.Put("a", Thing{i})
					fault(s)
					s.Settled()
					want := map[string]Thing{"a": {i}}
					if diff := cmp.Diff(want, durable.Values()); diff != "" {
						t.Fatal(diff)
					}
					seen.Await("it again, of its owner", is("a", i))
				}
			})
		})
	}
}

func TestATableOfADeadAgentIsItsOwnForTheGrace(t *testing.T) {
	const grace = time.Hour
	synctest.Test(t, func(t *testing.T) {
		s := agenttest.New(t, func(o *server.Options) { o.OwnerGrace = grace })
		stop := s.Start("owner", func(ctx context.Context, a *agent.Agent) error {
			if _, err := agent.Publish(ctx, a, things); err != nil {
				return err
			}
			return a.Run(ctx)
		})
		synctest.Wait()
		died := time.Now()
		s.Refuse("owner")
		stop()
		s.Allow("owner")
		if _, err := agent.Publish(t.Context(), s.Connect("owner"), things); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(died); took < grace || took > grace+time.Minute {
			t.Errorf("the next owner has it after %s", took)
		}
	})
}

// TestABubbleLeavesNothingBehind lets servers within and without bubbles follow
// each other; both use the NATS client's timers.
func TestABubbleLeavesNothingBehind(t *testing.T) {
	for range 3 {
		synctest.Test(t, reconnects)
		reconnects(t)
	}
}

func reconnects(t *testing.T) {
	s := agenttest.New(t)
	seen := agenttest.Watch(s, things)
	pub := agenttest.Publish(s, things)
	s.Cut()
	pub.Put("a", Thing{1})
	seen.Await("it", is("a", 1))
	s.Kill()
	pub.Put("a", Thing{2})
	seen.Await("it", is("a", 2))
}
