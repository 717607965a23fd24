package server_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// bystander works all the time and notes what goes wrong for it, and how long each
// put took.
type bystander struct {
	t    testing.TB
	pub  *client.Publication
	sub  *client.Subscription
	stop chan struct{}
	done chan struct{}

	mu    sync.Mutex // guards the fields below
	puts  int
	took  []time.Duration
	wrong []string
}

// watchOver starts one on a guarded server, as nim over TCP.
func watchOver(t testing.TB, g *guarded) *bystander {
	t.Helper()
	c := connect(t, "nats://"+g.Addr().String(), client.Name("nim"), client.NKey(g.seed))
	p, err := c.Open(within(t), wire.Table{Agent: "nim", Topic: "Bystander"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Subscribe("nim.Bystander")
	if err != nil {
		t.Fatal(err)
	}
	b := &bystander{t: t, pub: p, sub: s, stop: make(chan struct{}), done: make(chan struct{})}
	go b.work()
	t.Cleanup(func() {
		health, err := c.Health(within(t))
		b.end()
		wrong := "0 violations"
		if err != nil || t.Failed() {
			wrong = fmt.Sprintf("violations: see above (%v)", err)
		}
		t.Logf("1 round, %d times the server refused, beside %d puts of somebody else; %s", health.Refused, b.puts, wrong)
	})
	return b
}

func (b *bystander) work() {
	defer close(b.done)
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for n := 1; ; n++ {
		select {
		case <-b.stop:
			return
		case <-ticker.C:
		}
		begun := time.Now()
		err := b.pub.Put(context.WithoutCancel(b.t.Context()), "k", []byte(fmt.Sprint(n)))
		took := time.Since(begun)
		b.mu.Lock()
		b.puts++
		b.took = append(b.took, took)
		if err != nil {
			b.wrong = append(b.wrong, err.Error())
		}
		b.mu.Unlock()
		for c, ok := b.sub.Next(); ok; c, ok = b.sub.Next() {
			if c.Op == client.Put && (c.Table != "nim.Bystander" || c.Key != "k") || c.Op == client.Delete {
				b.mu.Lock()
				b.wrong = append(b.wrong, fmt.Sprintf("it was told %+v", c))
				b.mu.Unlock()
			}
		}
	}
}

// times returns how long puts took since it was asked before.
func (b *bystander) times() []time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	took := b.took
	b.took = nil
	return took
}

func (b *bystander) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.took)
}

// end stops it, and fails the test when it has noticed anything.
func (b *bystander) end() {
	b.t.Helper()
	select {
	case <-b.stop:
		return
	default:
	}
	close(b.stop)
	<-b.done
	if len(b.wrong) > 0 {
		b.t.Errorf("the bystander noticed %d things in %d puts: %s", len(b.wrong), b.puts, b.wrong[0])
	}
}

func p99(took []time.Duration) time.Duration {
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}
