package guarantees

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// G7 one writer. At any instant one fence is valid for a table; nothing under an
// older one is ever applied.

// TestG7OneWriter has many take the table from each other and write under every
// fence they ever had. What was applied, in the order of revisions, was written
// under fences that only grow.
func TestG7OneWriter(t *testing.T) {
	p := newPlace(t)
	p.start()
	name := wire.Table{Agent: "owner", Topic: "Fought"}
	var mu sync.Mutex // guards applied
	type applied struct {
		revision uint64
		fence    int
	}
	var all []applied
	watcher := rawConnection(t, p, "watcher")
	if _, err := watcher.Subscribe(wire.TableEvents(name.String()), func(m *nats.Msg) {
		if m.Header[wire.HeaderOp][0] != string(wire.OpPut) {
			return
		}
		revision, _, err := wire.Header(m.Header).Uint(wire.HeaderRevision)
		var fence int
		if _, scan := fmt.Sscanf(string(m.Data), "%d", &fence); err != nil || scan != nil {
			t.Errorf("an event of %q: %v, %v", m.Data, err, scan)
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, applied{revision, fence})
	}); err != nil {
		t.Fatal(err)
	}
	if err := watcher.Flush(); err != nil {
		t.Fatal(err)
	}
	ctx := testContext(t)
	var fighting sync.WaitGroup
	for f := range 5 {
		c := p.raw(t)
		fighting.Go(func() {
			var old []uint64
			for i := range 40 {
				fence, err := c.Take(ctx, name, false)
				if err != nil {
					t.Error(err)
					return
				}
				old = append(old, fence)
				for n, under := range []uint64{fence, old[i/2], fence, old[0]} {
					path := wire.Path{Table: name, Key: fmt.Sprint("k", n)}
					_, err := c.Put(ctx, path, fmt.Appendf(nil, "%d by %d, %d", under, f, i), client.Fence(under))
					if err != nil && !errors.Is(err, client.ErrFence) {
						t.Error(err)
					}
					if err == nil && under != fence {
						t.Errorf("a put under fence %d was taken after %d", under, fence)
					}
				}
			}
		})
	}
	fighting.Wait()
	if err := watcher.Flush(); err != nil {
		t.Fatal(err)
	}
	head := mustHead(t, p.raw(t), name)
	mu.Lock()
	defer mu.Unlock()
	sort.Slice(all, func(i, j int) bool { return all[i].revision < all[j].revision })
	newest := 0
	for _, a := range all {
		if a.fence < newest {
			t.Errorf("revision %d was written under fence %d, after %d", a.revision, a.fence, newest)
		}
		newest = max(newest, a.fence)
	}
	if len(all) < 20 || all[len(all)-1].revision > head {
		t.Errorf("%d puts were applied, the head is %d", len(all), head)
	}
}

// TestG7OneWriterAfterPartition lets the put of a former owner arrive late, when
// the table is another's.
func TestG7OneWriterAfterPartition(t *testing.T) {
	p := newPlace(t)
	p.start()
	proxy := testutil.NewProxy(t, p.socket)
	former := owner(t, proxy.URL(), items())
	publish(t, former, "k", Item{N: 1})
	proxy.Set(testutil.ToServer, testutil.Hold)
	ctx, cancel := context.WithTimeout(testContext(t), 100*time.Millisecond)
	defer cancel()
	if err := former.Publish(ctx, "k", Item{N: 2}); !errors.Is(err, client.ErrUnconfirmed) {
		t.Fatalf("a publish behind a partition: %v", err)
	}
	other := p.raw(t)
	path := wire.Path{Table: items().Name(), Key: "k"}
	// Its connection is there: it is the owner.
	if _, err := other.Put(testContext(t), path, []byte(`{"N":3}`)); !errors.Is(err, client.ErrTableOwned) || !strings.Contains(err.Error(), "owner") {
		t.Errorf("a put into an owned table: %v", err)
	}
	if _, err := other.Open(testContext(t), items().Name()); !errors.Is(err, client.ErrForbidden) {
		t.Errorf("an open of another agent's table: %v", err)
	}
	fence, err := other.Take(testContext(t), items().Name(), false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Put(testContext(t), path, []byte(`{"N":3}`), client.Fence(fence)); err != nil {
		t.Fatal(err)
	}
	r := newReader(t, p.url(), items(), "reader", readerOptions{})
	proxy.Set(testutil.ToServer, testutil.Flow) // the late put arrives
	testutil.Await(t, settled, "the former owner knows", func() bool {
		ctx, cancel := context.WithTimeout(testContext(t), 200*time.Millisecond)
		defer cancel()
		return errors.Is(former.Publish(ctx, "k", Item{N: 4}), client.ErrTableOwned)
	})
	if found := table(t, other, items().Name()); found["k"].N != 3 {
		t.Errorf("a former owner's put was applied: %v", found)
	}
	if err := other.Release(testContext(t), items().Name(), fence); err != nil {
		t.Fatal(err)
	}
	// What the former owner still wants comes when it is the owner again.
	want := map[string]Item{"k": {N: 4}}
	testutil.Await(t, settled, "the owner is back", func() bool { return table(t, other, items().Name())["k"] == want["k"] })
	awaitView(t, r, want)
	for _, c := range r.history.all() {
		if c.v.N == 2 {
			t.Errorf("a reader was told what a former owner published: %s", c)
		}
	}
}

// TestG7OneWriterGrace holds the owner's grace against the clock.
func TestG7OneWriterGrace(t *testing.T) {
	const grace = time.Second
	for _, tt := range []struct {
		name string
		lose func(p *place, proxy *testutil.Proxy)
	}{
		{"the owner is cut", func(_ *place, proxy *testutil.Proxy) { proxy.Cut() }},
		{"the server is killed", func(p *place, _ *testutil.Proxy) { p.process.Kill(); p.run() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.grace = grace
			p.run()
			proxy := testutil.NewProxy(t, p.socket)
			former := owner(t, proxy.URL(), items())
			publish(t, former, "k", Item{N: 1})
			ctx := testContext(t)
			a, err := agent.Connect(ctx, "owner", agent.URL(p.url()))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(a.Close)
			if _, err := agent.Publish(ctx, a, items()); !errors.Is(err, client.ErrTableOwned) || !strings.Contains(err.Error(), "agent owner") {
				t.Fatalf("a second instance opens the table: %v", err)
			}
			proxy.Refuse(true)
			began := time.Now()
			tt.lose(p, proxy)
			testutil.Await(t, settled, "the other instance is connected", func() bool { return a.Client().Connected() == nil })
			if _, err := a.Client().Put(ctx, wire.Path{Table: items().Name(), Key: "k"}, []byte("{}")); !errors.Is(err, client.ErrTableOwned) {
				t.Errorf("a put within the owner's grace: %v", err)
			}
			testutil.Await(t, settled, "the server knows that the owner is gone", func() bool {
				tables, err := a.Client().Tables(ctx, items().String())
				return err == nil && len(tables) == 1 && !tables[0].Connected
			})
			pub, err := agent.Publish(ctx, a, items())
			if err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(began); waited < grace || waited > grace+3*time.Second {
				t.Errorf("another instance opened the table after %s; the grace is %s", waited, grace)
			}
			if v, ok := pub.Get("k"); !ok || v.N != 1 {
				t.Errorf("the new instance found %v", v)
			}
			publish(t, pub, "k", Item{N: 2})
			proxy.Refuse(false)
			testutil.Await(t, settled, "the former instance knows", func() bool {
				ctx, cancel := context.WithTimeout(ctx, time.Second)
				defer cancel()
				return errors.Is(former.Publish(ctx, "k", Item{N: 3}), client.ErrTableOwned)
			})
			if found := table(t, a.Client(), items().Name()); found["k"].N != 2 {
				t.Errorf("the table is %v", found)
			}
		})
	}
}

// TestG7OneWriterReclaims has the same instance come back within its grace, and
// nobody else get in between.
func TestG7OneWriterReclaims(t *testing.T) {
	p := newPlace(t)
	p.grace = 5 * time.Second
	p.run()
	proxy := testutil.NewProxy(t, p.socket)
	pub := owner(t, proxy.URL(), items())
	ctx := testContext(t)
	for i := range 6 {
		if i%2 == 0 {
			proxy.Cut()
		} else {
			p.process.Kill()
			p.run()
		}
		rival := p.raw(t, client.Name("owner"))
		short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		if _, err := rival.Open(short, items().Name()); err == nil {
			t.Errorf("another instance got in")
		}
		cancel()
		rival.Close()
		publish(t, pub, "k", Item{N: i + 1})
	}
	if found := table(t, p.raw(t), items().Name()); found["k"].N != 6 {
		t.Errorf("the table is %v", found)
	}
}
