package guarantees

import (
	"context"
	"maps"
	"path/filepath"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/wire"
)

// G4 synchronized. It turns true after every key of the first snapshot was
// handled, before any later change is, and not before the owner has opened the
// table since boot (for a durable table: ever).

func TestG4Synchronized(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault func(p *place, readers *testutil.Proxy)
	}{
		{"undisturbed", func(*place, *testutil.Proxy) {}},
		{"cut meanwhile", func(_ *place, readers *testutil.Proxy) { readers.Cut() }},
		{"with a server that restarts", func(p *place, _ *testutil.Proxy) { p.stop(); p.start() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.start()
			readers := testutil.NewProxy(t, p.socket)
			pub := owner(t, p.url(), items())
			text := string(make([]byte, 3000)) // several pages
			for i := range 200 {
				publish(t, pub, key(i), Item{i + 1, text})
			}
			first := maps.Collect(pub.All())
			storm := startStormAt(t, pub, 200, 1000)
			var r *reader
			began := make(chan struct{})
			once, synchronized := false, false
			r = newReader(t, readers.URL(), items(), "reader", readerOptions{
				slow: func(string) {
					if !once {
						once = true
						close(began)
					}
					time.Sleep(100 * time.Microsecond)
				},
				sync: func() { synchronized = true },
				each: func(c call, r *reader) {
					if r.sub.Synchronized() != synchronized {
						t.Errorf("Synchronized is %t in %s", r.sub.Synchronized(), c)
					}
				},
			})
			<-began
			tt.fault(p, readers)
			testutil.Await(t, settled, "synchronized", r.sub.Synchronized)
			storm.end()
			awaitView(t, r, storm.finish(t, p))
			told, at := map[string]bool{}, uint64(0)
			for _, c := range r.history.all() {
				switch {
				case c.op == "synchronized":
					at = c.revision
				case at == 0:
					told[c.key] = true
				case c.op != "restarted" && c.revision <= at:
					t.Errorf("handled after synchronized at revision %d: %s", at, c)
				}
			}
			for _, c := range r.history.all() {
				if c.op == "synchronized" {
					break
				}
				if c.revision > at {
					t.Errorf("a later change than revision %d was handled before synchronized: %s", at, c)
				}
			}
			missing := 0
			for k := range first {
				if !told[k] {
					missing++
				}
			}
			// The storm deletes a quarter of what it touches; what it had deleted when
			// the snapshot was taken is no key of it.
			if missing > len(first)/2 {
				t.Errorf("%d keys of %d were not handled before synchronized", missing, len(first))
			}
		})
	}
}

// TestG4SynchronizedComplete has the table stand still: every key comes first.
func TestG4SynchronizedComplete(t *testing.T) {
	p := newPlace(t)
	p.start()
	pub := owner(t, p.url(), items())
	for i := range 300 {
		publish(t, pub, key(i), Item{i + 1, string(make([]byte, 2000))})
	}
	seen := -1
	var r *reader
	r = newReader(t, p.url(), items(), "reader", readerOptions{sync: func() { seen = r.history.count("create") }})
	testutil.Await(t, settled, "synchronized", func() bool { return r.history.count("synchronized") == 1 })
	publish(t, pub, "later", Item{N: 1000})
	awaitView(t, r, maps.Collect(pub.All()))
	if seen != 300 {
		t.Errorf("synchronized after %d of 300 keys", seen)
	}
}

// TestG4SynchronizedNotBeforeOpened writes a table that its owner never opened,
// and lets a reboot happen.
func TestG4SynchronizedNotBeforeOpened(t *testing.T) {
	p := newPlace(t)
	p.start()
	c, ctx := p.raw(t), testContext(t)
	written := func(table agent.Table[Item], key string) {
		t.Helper()
		given := wire.Path{Table: table.Name(), Key: key}
		if _, err := c.Put(ctx, given, []byte(`{"N":1}`)); err != nil {
			t.Fatal(err)
		}
	}
	// watch returns whether a new subscription has synchronized when it has
	// handled what there is, and a key after that.
	n := 0
	watch := func(table agent.Table[Item]) bool {
		t.Helper()
		r := newReader(t, p.url(), table, "reader", readerOptions{})
		k := key(n)
		n++
		written(table, k)
		testutil.Await(t, settled, "handled", func() bool { _, ok := r.sub.Get(k); return ok })
		defer r.agent.Close()
		return testutil.Holds(100*time.Millisecond, r.sub.Synchronized)
	}
	opened := func(table agent.Table[Item]) {
		t.Helper()
		a, pub := ownerAgent(t, p.url(), table)
		if err := pub.Close(ctx); err != nil {
			t.Fatal(err)
		}
		a.Close()
	}
	expect := func(when string, table agent.Table[Item], want bool) {
		t.Helper()
		if got := watch(table); got != want {
			t.Errorf("%s, synchronized of %s is %t", when, table, got)
		}
	}
	restart := func(reboot bool) {
		t.Helper()
		p.stop()
		if reboot { // a volatile directory that is lost counts as a reboot
			p.volatileDir = filepath.Join(t.TempDir(), "volatile")
		}
		p.start()
		testutil.Await(t, settled, "connected again", func() bool {
			_, err := c.Health(context.Background())
			return err == nil
		})
	}
	expect("before the owner came", items(), false)
	expect("before the owner came", durableItems(), false)
	restart(false)
	expect("before the owner came, after a restart", items(), false)
	waiting := newReader(t, p.url(), items(), "waiting", readerOptions{})
	opened(items())
	opened(durableItems())
	testutil.Await(t, settled, "the waiting one is synchronized", waiting.sub.Synchronized)
	expect("after the owner came", items(), true)
	expect("after the owner came", durableItems(), true)
	restart(false)
	expect("after a restart of the server", items(), true)
	expect("after a restart of the server", durableItems(), true)
	restart(true)
	expect("after a reboot", items(), false)
	expect("after a reboot", durableItems(), true)
}
