package guarantees

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// G3 nothing invented. No handler runs for an unchanged value; a resync calls only
// for real differences. Create once per life of a key as the subscription saw it,
// Modify with the value last accepted, Delete with the last value and only if
// Create was called. "Handled" means that the handler returned once, whatever it
// returned. A failing Delete is retried too, before a new Create.

// TestG3NothingInvented does what must call nothing but the handler of one
// change after it.
func TestG3NothingInvented(t *testing.T) {
	quiet := []struct {
		name string
		do   func(t *testing.T, p *place, readers, owners *testutil.Proxy, pub *agent.Publication[Item])
	}{
		{"the same values are published", func(t *testing.T, _ *place, _, _ *testutil.Proxy, pub *agent.Publication[Item]) {
			for k, v := range pub.All() {
				publish(t, pub, k, v)
			}
		}},
		{"readers reconnect", func(t *testing.T, _ *place, readers, _ *testutil.Proxy, _ *agent.Publication[Item]) {
			readers.Cut()
		}},
		{"the owner reconnects", func(t *testing.T, _ *place, _, owners *testutil.Proxy, _ *agent.Publication[Item]) {
			owners.Cut()
		}},
		{"the server restarts", func(t *testing.T, p *place, _, _ *testutil.Proxy, _ *agent.Publication[Item]) {
			p.stop()
			p.start()
		}},
		{"a key comes and goes unseen", func(t *testing.T, _ *place, readers, _ *testutil.Proxy, pub *agent.Publication[Item]) {
			readers.Refuse(true)
			readers.Cut()
			publish(t, pub, "unseen", Item{N: 7})
			if err := pub.Unpublish(testContext(t), "unseen"); err != nil {
				t.Fatal(err)
			}
			readers.Refuse(false)
		}},
		{"a key goes and comes back unseen", func(t *testing.T, _ *place, readers, _ *testutil.Proxy, pub *agent.Publication[Item]) {
			readers.Refuse(true)
			readers.Cut()
			old, _ := pub.Get(key(3))
			if err := pub.Unpublish(testContext(t), key(3)); err != nil {
				t.Fatal(err)
			}
			publish(t, pub, key(3), old)
			readers.Refuse(false)
		}},
		{"a value changes and changes back unseen", func(t *testing.T, _ *place, readers, _ *testutil.Proxy, pub *agent.Publication[Item]) {
			readers.Refuse(true)
			readers.Cut()
			old, _ := pub.Get(key(3))
			publish(t, pub, key(3), Item{N: 1000})
			publish(t, pub, key(3), old)
			readers.Refuse(false)
		}},
		{"the owner's agent ends and another instance takes over", func(t *testing.T, p *place, _, _ *testutil.Proxy, pub *agent.Publication[Item]) {
			if err := pub.Close(testContext(t)); err != nil {
				t.Fatal(err)
			}
			again := owner(t, p.url(), items())
			for k, v := range again.All() {
				publish(t, again, k, v)
			}
			if err := again.Close(testContext(t)); err != nil {
				t.Fatal(err)
			}
		}},
	}
	for _, q := range quiet {
		t.Run(q.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.start()
			readers, owners := testutil.NewProxy(t, p.socket), testutil.NewProxy(t, p.socket)
			pub := owner(t, owners.URL(), items())
			for i := range 20 {
				publish(t, pub, key(i), Item{i + 1, "x"})
			}
			r := newReader(t, readers.URL(), items(), "reader", readerOptions{})
			awaitView(t, r, maps.Collect(pub.All()))
			want := maps.Collect(pub.All())
			want["after"] = Item{N: 5000}
			r.quiet(t, func() { q.do(t, p, readers, owners, pub) }, func() func() bool {
				if err := pub.Publish(testContext(t), "after", want["after"]); errors.Is(err, client.ErrClosed) {
					publish(t, owner(t, p.url(), items()), "after", want["after"])
				} else if err != nil {
					t.Fatal(err)
				}
				return func() bool { _, ok := r.sub.Get("after"); return ok }
			})
			awaitView(t, r, want)
		})
	}
}

// TestG3NothingInventedOfBytes changes how a value is written, not what it says.
func TestG3NothingInventedOfBytes(t *testing.T) {
	p := newPlace(t)
	p.start()
	c, ctx := p.raw(t), testContext(t)
	path := wire.Path{Table: items().Name(), Key: "k"}
	r := newReader(t, p.url(), items(), "reader", readerOptions{})
	for _, text := range []string{
		`{"N":1,"Text":"a"}`, `{"Text":"a","N":1}`, `{"N":1,"Text":"a","Unknown":[1,2]}`, ` { "N": 1, "Text":"\u0061" } `,
		`{"N":2,"Text":"a"}`,
	} {
		if _, err := c.Put(ctx, path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		revision := mustHead(t, c, items().Name())
		testutil.Await(t, settled, "handled", func() bool { return handled(t, c, r) >= revision })
	}
	var ops []string
	for _, c := range r.history.all() {
		ops = append(ops, c.op)
	}
	if diff := cmp.Diff([]string{"create", "modify"}, ops); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	r.history.check(t)
}

// TestG3NothingInventedWhileBlocked changes keys while a handler is stuck: what
// is told after that is the difference.
func TestG3NothingInventedWhileBlocked(t *testing.T) {
	p := newPlace(t)
	p.start()
	pub := owner(t, p.url(), items())
	ctx := testContext(t)
	for i, k := range []string{"same", "changed", "deleted", "recreated", "recreated other"} {
		publish(t, pub, k, Item{N: i + 1})
	}
	block, blocked := make(chan struct{}), make(chan struct{})
	r := newReader(t, p.url(), items(), "reader", readerOptions{slow: func(key string) {
		if key == "block" {
			close(blocked)
			<-block
		}
	}})
	awaitView(t, r, maps.Collect(pub.All()))
	before := len(r.history.all())
	publish(t, pub, "block", Item{N: 10})
	<-blocked
	drop := func(k string) {
		if err := pub.Unpublish(ctx, k); err != nil {
			t.Fatal(err)
		}
	}
	publish(t, pub, "same", Item{N: 20})
	publish(t, pub, "same", Item{N: 1})
	publish(t, pub, "changed", Item{N: 21})
	publish(t, pub, "changed", Item{N: 22})
	drop("deleted")
	publish(t, pub, "deleted", Item{N: 23})
	drop("deleted")
	drop("recreated")
	publish(t, pub, "recreated", Item{N: 4})
	drop("recreated other")
	publish(t, pub, "recreated other", Item{N: 24})
	publish(t, pub, "unseen", Item{N: 25})
	drop("unseen")
	publish(t, pub, "new", Item{N: 26})
	drop("new")
	publish(t, pub, "new", Item{N: 27})
	c := p.raw(t)
	head := mustHead(t, c, items().Name())
	testutil.Await(t, settled, "all events are with the reader", func() bool { return state(t, c, r).Heads[items().String()] == head })
	close(block)
	testutil.Await(t, settled, "the last is handled", func() bool { _, ok := r.sub.Get("new"); return ok })
	var told []string
	for _, c := range r.history.all()[before:] {
		told = append(told, c.op+" "+c.key)
	}
	want := []string{"create block", "modify changed", "delete deleted", "modify recreated other", "create new"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	testutil.Await(t, settled, "handled", func() bool { return len(r.history.replay()) == pub.Len() })
	for _, c := range r.history.all() {
		if c.op == "modify" && c.v == c.old {
			t.Errorf("a modify of an unchanged value: %s", c)
		}
	}
}

// TestG3NothingInventedByFailures has a handler fail, and counts.
func TestG3NothingInventedByFailures(t *testing.T) {
	p := newPlace(t)
	p.start()
	pub := owner(t, p.url(), items())
	ctx, cancel := context.WithCancel(context.Background())
	a, err := agent.Connect(ctx, "reader", agent.URL(p.url()), agent.Retry(time.Millisecond, 2*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex // guards the two below
	var told []string
	failures := 0
	note := func(text string) error {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, text)
		if failures > 0 {
			failures--
			return errors.New("not now")
		}
		return nil
	}
	fail := func(n int) { mu.Lock(); failures = n; mu.Unlock() }
	expect := func(want ...string) {
		t.Helper()
		var diff string
		if !testutil.Holds(settled, func() bool {
			mu.Lock()
			defer mu.Unlock()
			diff = cmp.Diff(want, told)
			return diff == ""
		}) {
			t.Fatalf("calls (-want +got):\n%s", diff)
		}
		mu.Lock()
		told = nil
		mu.Unlock()
	}
	if _, err := agent.Subscribe(ctx, a, items(), agent.Handlers[Item]{
		Create: func(_ context.Context, key string, v Item) error { return note("create " + v.Text) },
		Modify: func(_ context.Context, key string, v, old Item) error { return note("modify " + old.Text + v.Text) },
		Delete: func(_ context.Context, key string, old Item) error { return note("delete " + old.Text) },
	}); err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		if err := a.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); running.Wait() })

	fail(2)
	publish(t, pub, "k", Item{Text: "a"})
	expect("create a", "create a", "create a")
	fail(2)
	publish(t, pub, "k", Item{Text: "b"})
	expect("modify ab", "modify ab", "modify ab")
	fail(2)
	if err := pub.Unpublish(testContext(t), "k"); err != nil {
		t.Fatal(err)
	}
	expect("delete b", "delete b", "delete b")
	// A delete that fails must succeed before the key's next life begins.
	publish(t, pub, "k", Item{Text: "c"})
	expect("create c")
	fail(1 << 30)
	if err := pub.Unpublish(testContext(t), "k"); err != nil {
		t.Fatal(err)
	}
	testutil.Await(t, settled, "the delete has failed", func() bool { mu.Lock(); defer mu.Unlock(); return len(told) > 2 })
	publish(t, pub, "k", Item{Text: "c"})
	testutil.Await(t, settled, "the delete has failed more", func() bool { mu.Lock(); defer mu.Unlock(); return len(told) > 8 })
	fail(0)
	testutil.Await(t, settled, "the key is created again", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return told[len(told)-1] == "create c"
	})
	mu.Lock()
	defer mu.Unlock()
	for _, text := range told[:len(told)-1] {
		if text != "delete c" {
			t.Errorf("called %q before the delete succeeded", text)
		}
	}
}
