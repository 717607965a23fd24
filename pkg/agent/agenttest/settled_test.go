package agenttest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/agent/agenttest"
)

// relay publishes what it reads, slowly.
func relay(ctx context.Context, a *agent.Agent) error {
	pub, err := agent.Publish(ctx, a, others)
	if err != nil {
		return err
	}
	pass := func(ctx context.Context, key string, v Thing) error {
		time.Sleep(time.Second)
		return pub.Publish(ctx, key, v)
	}
	_, err = agent.Subscribe(ctx, a, things, agent.Handlers[Thing]{
		Create: pass,
		Modify: func(ctx context.Context, key string, v, _ Thing) error { return pass(ctx, key, v) },
	})
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

func TestSettledFollowsAChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := agenttest.New(t)
		pub := agenttest.Publish(s, things)
		s.Start("other", relay)
		end := agenttest.Watch(s, others)
		end.AwaitCall("synchronized")
		synctest.Wait()
		for i, who := range [][]string{nil, {"other", "watcher"}, nil, {"watcher", "other"}} {
			if i == 2 {
				s.Kill()
			}
			pub.Put("a", Thing{i})
			pub.Put("b", Thing{i})
			began := time.Now()
			s.Settled(who...)
			if v := end.Values(); !is("a", i)(v) || !is("b", i)(v) {
				t.Errorf("round %d: settled with %v", i, v)
			}
			if took := time.Since(began); took < 2*time.Second {
				t.Errorf("round %d: the handlers take 2 s, but all was settled after %s", i, took)
			}
		}
	})
}

func TestAnotherProcess(t *testing.T) {
	s := agenttest.New(t)
	pub := agenttest.Publish(s, things)
	pub.Put("a", Thing{1})
	remote, err := agent.Connect(t.Context(), "remote", agent.URL(s.URL())) // as a program does
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	entered, leave := make(chan struct{}, 10), make(chan struct{})
	go func() { ended <- subscribed(func() { entered <- struct{}{}; <-leave })(ctx, remote) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	<-entered
	settled := make(chan struct{})
	go func() { s.Settled("remote"); close(settled) }()
	select {
	case <-settled:
		t.Error("settled while the handler runs")
	case <-shortly(t).Done():
	}
	close(leave)
	<-settled
	before := connection(t, s, "remote", things.Name())
	s.Cut()
	if err := remote.Client().Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	pub.Put("a", Thing{2})
	<-entered
	if now := connection(t, s, "remote", things.Name()); now == before {
		t.Errorf("it is still on connection %d", now)
	}
	url := s.URL()
	s.Kill(func() {
		if now := s.URL(); now != url {
			t.Errorf("%s became %s", url, now)
		}
	})
	pub.Put("a", Thing{3})
	<-entered
}

func TestAPartEndsWithItsAgents(t *testing.T) {
	s := agenttest.New(t)
	ended := false
	t.Run("part", func(t *testing.T) {
		s.For(t).Start("agent", func(ctx context.Context, a *agent.Agent) error {
			err := a.Run(ctx)
			ended = true
			return err
		})
	})
	if !ended {
		t.Error("the agent runs on")
	}
}

func TestServersSideBySide(t *testing.T) {
	for _, name := range []string{"a", "b", "c"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reconnects(t)
		})
	}
}
