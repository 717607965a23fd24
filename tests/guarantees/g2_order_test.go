package guarantees

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// G2 order. A subscription never goes back to an older revision of a key. Changes
// of one table are handled in order; intermediate values may be skipped, the
// latest never.

// TestG2Order holds the whole history of readers of every speed against the
// order of revisions, while connections and servers come and go at random.
func TestG2Order(t *testing.T) {
	rounds := 3
	if testutil.Long() {
		rounds = 60
	}
	for i := range rounds {
		t.Run(fmt.Sprint("chaos ", i), func(t *testing.T) {
			t.Parallel()
			random := testutil.Rand(t)
			p := newPlace(t)
			p.start()
			readers, owners := testutil.NewProxy(t, p.socket), testutil.NewProxy(t, p.socket)
			pub := owner(t, owners.URL(), items())
			var all []*reader
			for _, pause := range []time.Duration{0, 200 * time.Microsecond, 3 * time.Millisecond} {
				all = append(all, newReader(t, readers.URL(), items(), "reader pausing "+pause.String(), readerOptions{
					slow: func(string) { time.Sleep(pause) },
				}))
			}
			s := startStorm(t, pub, 1+random.IntN(60))
			for range 12 {
				s.until(t, random.IntN(60))
				switch random.IntN(8) {
				case 0, 1:
					readers.Cut()
				case 2:
					owners.Cut()
				case 3:
					p.stop()
					p.start()
				case 4:
					readers.Set(testutil.ToClient, testutil.Hold)
					s.until(t, random.IntN(100))
					readers.Set(testutil.ToClient, testutil.Flow)
				case 5:
					readers.Set(testutil.ToClient, testutil.Drop)
					s.until(t, random.IntN(10))
					readers.Set(testutil.ToClient, testutil.Flow)
					readers.Cut()
				case 6:
					readers.Set(testutil.ToClient, testutil.Delay)
					s.until(t, random.IntN(10))
					readers.Set(testutil.ToClient, testutil.Flow)
				case 7:
					readers.HalfClose()
				}
			}
			want := s.finish(t, p)
			for _, r := range all {
				awaitView(t, r, want)
			}
		})
	}
}

// TestG2OrderOfHeldEvents keeps snapshots from coming while events come: these
// must wait, and then follow.
func TestG2OrderOfHeldEvents(t *testing.T) {
	p := newPlace(t)
	p.start()
	proxy := testutil.NewProxy(t, p.socket)
	pub := owner(t, p.url(), items())
	for i := range 50 {
		publish(t, pub, key(i), Item{N: i})
	}
	r := newReader(t, proxy.URL(), items(), "reader", readerOptions{})
	testutil.Await(t, settled, "synchronized", r.sub.Synchronized)
	n := 100
	for range 20 {
		proxy.Set(testutil.ToServer, testutil.Hold) // no snapshot can be asked for
		proxy.CutClients()
		for i := range 30 {
			n++
			if i%5 == 4 {
				if err := pub.Unpublish(testContext(t), key(i)); err != nil {
					t.Fatal(err)
				}
			} else {
				publish(t, pub, key(i), Item{N: n})
			}
		}
		proxy.Set(testutil.ToServer, testutil.Flow)
		n++
		publish(t, pub, key(4), Item{N: n})
		publish(t, pub, key(49), Item{N: n})
		for i := 4; i < 30; i += 5 {
			publish(t, pub, key(i), Item{N: n})
		}
	}
	awaitView(t, r, maps.Collect(pub.All()))
}

// TestG2OrderOfManyWriters has raw writers change the same keys of a table that
// nobody owns: the readers' order is that of the revisions.
func TestG2OrderOfManyWriters(t *testing.T) {
	p := newPlace(t)
	p.start()
	proxy := testutil.NewProxy(t, p.socket)
	name := wire.Table{Agent: "owner", Topic: "Raw"}
	c := p.raw(t)
	sub, err := connect(t, proxy.URL()).Subscribe(name.String())
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var taking sync.WaitGroup
	revisions, values := map[string]uint64{}, map[string]string{}
	taking.Go(func() {
		for {
			change, ok := sub.Next()
			switch {
			case ok && (change.Op == client.Put || change.Op == client.Delete):
				if change.Revision <= revisions[change.Key] {
					t.Errorf("key %s went from revision %d to %d", change.Key, revisions[change.Key], change.Revision)
				}
				revisions[change.Key], values[change.Key] = change.Revision, string(change.Value)
			case ok:
			default:
				select {
				case <-sub.Ready():
				case <-stop:
					return
				}
			}
		}
	})
	ctx := testContext(t)
	var writers sync.WaitGroup
	for w := range 6 {
		writers.Go(func() {
			for i := range 150 {
				path := wire.Path{Table: name, Key: fmt.Sprint(i % 5)}
				if _, err := c.Put(ctx, path, fmt.Appendf(nil, "%d of %d", i, w)); err != nil {
					t.Error(err)
				}
				if i%40 == 20 && w == 0 {
					proxy.Cut()
				}
			}
		})
	}
	writers.Wait()
	_, entries, err := c.Snapshot(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	head := entries[len(entries)-1].Revision
	testutil.Await(t, settled, "the subscription has the head", func() bool {
		state := sub.State()
		return state.Heads[name.String()] == head && state.Pending == 0 && sub.Current()
	})
	close(stop)
	taking.Wait()
	for _, e := range entries {
		if revisions[e.Path.Key] != e.Revision || values[e.Path.Key] != string(e.Value) {
			t.Errorf("key %s is %q of revision %d; the subscription has %q of %d", e.Path.Key, e.Value, e.Revision, values[e.Path.Key], revisions[e.Path.Key])
		}
	}
}

// TestG2OrderOfRetries has handlers fail at random: what is called again is the
// newest state of the key.
func TestG2OrderOfRetries(t *testing.T) {
	p := newPlace(t)
	p.start()
	pub := owner(t, p.url(), items())
	random := testutil.Rand(t)
	ctx, cancel := context.WithCancel(context.Background())
	a, err := agent.Connect(ctx, "reader", agent.URL(p.url()), agent.Retry(time.Millisecond, 4*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	type state struct {
		given    Item
		created  bool
		deleting bool
		old      Item // accepted
	}
	keys := map[string]*state{} // the loop's
	of := func(key string) *state {
		if keys[key] == nil {
			keys[key] = &state{}
		}
		return keys[key]
	}
	failing := func() error {
		if random.IntN(3) == 0 {
			return fmt.Errorf("not now")
		}
		return nil
	}
	hand := func(key string, v Item) error {
		s := of(key)
		switch {
		case s.deleting:
			t.Errorf("%s: called with %d before its delete has succeeded", key, v.N)
		case s.given.N > v.N:
			t.Errorf("%s: went from %d to %d", key, s.given.N, v.N)
		}
		s.given, s.created = v, true
		err := failing()
		if err == nil {
			s.old = v
		}
		return err
	}
	sub, err := agent.Subscribe(ctx, a, items(), agent.Handlers[Item]{
		Create: func(_ context.Context, key string, v Item) error {
			if of(key).old != (Item{}) {
				t.Errorf("%s: created again", key)
			}
			return hand(key, v)
		},
		Modify: func(_ context.Context, key string, v, old Item) error {
			if s := of(key); s.old != old || s.old == (Item{}) {
				t.Errorf("%s: modify with old %d, accepted was %d", key, old.N, s.old.N)
			}
			return hand(key, v)
		},
		Delete: func(_ context.Context, key string, old Item) error {
			s := of(key)
			if !s.created || s.given != old {
				t.Errorf("%s: delete with %d; given was %d, created %t", key, old.N, s.given.N, s.created)
			}
			if s.deleting = true; failing() != nil {
				return fmt.Errorf("not now")
			}
			keys[key] = &state{given: Item{N: s.given.N}}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		if err := a.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); running.Wait() })
	s := startStorm(t, pub, 12)
	s.until(t, 600)
	want := s.finish(t, p)
	accepted := func() bool {
		same := make(chan bool, 1)
		if err := a.Do("look", func(context.Context) {
			n := 0
			for key, s := range keys {
				if s.created && s.old != want[key] {
					same <- false
					return
				}
				if s.created {
					n++
				}
			}
			same <- n == len(want)
		}); err != nil {
			return false
		}
		return <-same
	}
	testutil.Await(t, settled, "every key's handler has accepted the latest", accepted)
	if got := maps.Collect(sub.All()); len(got) != len(want) {
		t.Errorf("the view has %d keys, the table %d", len(got), len(want))
	}
}
