package guarantees

import (
	"context"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/agent"
)

// atOnce bounds what is to happen at once, on a machine that is busy with other
// tests: less than the pauses of whoever waits for the clock (a second between
// tries to connect, five between head checks or tries to open).
const atOnce = 3 * time.Second

// TestG1LatestValueAtOnce holds the way back after a fault against the clock: it
// is the connection's return that ends every wait.
func TestG1LatestValueAtOnce(t *testing.T) {
	p := newPlace(t)
	ctx := testContext(t)
	readers, owners := testutil.NewProxy(t, p.socket), testutil.NewProxy(t, p.socket)
	// Reader and owner come before the server does.
	r := newReader(t, readers.URL(), items(), "reader", readerOptions{})
	a, err := agent.Connect(ctx, "owner", agent.URL(owners.URL()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	opened := make(chan *agent.Publication[Item], 1)
	go func() {
		pub, err := agent.Publish(ctx, a, items())
		if err != nil {
			t.Error(err)
		}
		opened <- pub
	}()
	p.start()
	began := time.Now()
	pub := <-opened
	if pub == nil {
		return
	}
	n := 0
	for _, tt := range []struct {
		name  string
		fault func()
	}{
		{"the server started", func() {}},
		{"the owner was cut", func() { began = time.Now(); owners.Cut() }},
		{"the reader was cut", func() { began = time.Now(); readers.Cut() }},
		{"the server restarted", func() { p.stop(); p.start(); began = time.Now() }},
		{"the owner was cut again and again", func() {
			for range 20 {
				owners.Cut()
				short, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
				pub.Publish(short, "k", Item{N: n}) //nolint:errcheck // it stays wanted
				cancel()
			}
			began = time.Now()
		}},
	} {
		tt.fault()
		n++
		publish(t, pub, "k", Item{N: n})
		acked := time.Since(began)
		testutil.Await(t, settled, "the value is handled", func() bool { v, _ := r.sub.Get("k"); return v.N == n })
		if handled := time.Since(began); handled > atOnce {
			t.Errorf("after %s a change took %s until it was acknowledged and %s until it was handled", tt.name, acked, handled)
		}
	}
	r.history.check(t)
}
