package guarantees

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

// settled is how long a view may take to become the table (G1).
const settled = 10 * time.Second

// grace is the owners' grace in these tests.
const grace = 300 * time.Millisecond

// Item is what the tests publish. N only grows, over all keys.
type Item struct {
	N    int
	Text string
}

// items is the table of most tests.
func items() agent.Table[Item] { return agent.Table[Item]{Owner: "owner", Topic: "Item"} }

func durableItems() agent.Table[Item] {
	return agent.Table[Item]{Owner: "owner", Topic: "Kept", Durable: true}
}

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// place is where a server lives, however often it starts.
type place struct {
	t                             testing.TB
	socket, storeDir, volatileDir string
	maxValue                      int
	grace                         time.Duration

	mu      sync.Mutex // guards the running server
	server  *server.Server
	process *testutil.Process
}

func newPlace(t testing.TB) *place {
	dir := t.TempDir()
	p := &place{
		t: t, socket: filepath.Join(dir, "s.sock"), grace: grace,
		storeDir: filepath.Join(dir, "store"), volatileDir: filepath.Join(dir, "volatile"),
	}
	t.Cleanup(p.stop)
	return p
}

// start runs a server in this process.
func (p *place) start() *server.Server {
	p.t.Helper()
	s, err := server.Start(context.Background(), server.Options{
		Socket: p.socket, StoreDir: p.storeDir, VolatileDir: p.volatileDir,
		OwnerGrace: p.grace, MaxValue: p.maxValue,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.server = s
	return s
}

// run runs a server in a process of its own.
func (p *place) run() *testutil.Process {
	p.t.Helper()
	started := testutil.StartProcess(p.t, p.options())
	p.mu.Lock()
	defer p.mu.Unlock()
	p.process = started
	return started
}

func (p *place) options() testutil.ServerOptions {
	return testutil.ServerOptions{
		Socket: p.socket, StoreDir: p.storeDir, VolatileDir: p.volatileDir, OwnerGrace: p.grace, MaxValue: p.maxValue,
	}
}

// stop ends the server: a process by force.
func (p *place) stop() {
	p.mu.Lock()
	s, process := p.server, p.process
	p.server, p.process = nil, nil
	p.mu.Unlock()
	if s != nil {
		s.Shutdown()
	}
	if process != nil {
		process.Kill()
	}
}

func (p *place) url() string { return "unix://" + p.socket }

// raw connects a client.
func (p *place) raw(t testing.TB, given ...client.Option) *client.Client {
	t.Helper()
	return connect(t, p.url(), given...)
}

func connect(t testing.TB, url string, given ...client.Option) *client.Client {
	t.Helper()
	c, err := client.Connect(context.Background(), url, given...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	testutil.Await(t, 10*time.Second, "the client is connected", func() bool { return c.Connected() == nil })
	return c
}

// owner is an agent that publishes a table.
func owner(t testing.TB, url string, table agent.Table[Item], given ...agent.Option) *agent.Publication[Item] {
	t.Helper()
	_, pub := ownerAgent(t, url, table, given...)
	return pub
}

func ownerAgent(t testing.TB, url string, table agent.Table[Item], given ...agent.Option) (*agent.Agent, *agent.Publication[Item]) {
	t.Helper()
	ctx := testContext(t)
	a, err := agent.Connect(ctx, table.Owner, append([]agent.Option{agent.URL(url)}, given...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	pub, err := agent.Publish(ctx, a, table)
	if err != nil {
		t.Fatal(err)
	}
	return a, pub
}

// publish publishes until it is acknowledged: what is refused for now stays
// wanted.
func publish(t testing.TB, pub *agent.Publication[Item], key string, v Item) {
	t.Helper()
	ctx := testContext(t)
	for {
		err := pub.Publish(ctx, key, v)
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("publish %s: %v", key, err)
		}
	}
}

// table returns what a table holds, as the server says.
func table(t testing.TB, c *client.Client, name wire.Table) map[string]Item {
	t.Helper()
	var found map[string]Item
	testutil.Await(t, 10*time.Second, "the server tells "+name.String(), func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_, entries, err := c.Snapshot(ctx, name)
		if err != nil {
			return false
		}
		found = map[string]Item{}
		for _, e := range entries {
			var v Item
			if err := json.Unmarshal(e.Value, &v); err != nil {
				t.Fatalf("the table holds what is no Item at %s: %v", e.Path, err)
			}
			found[e.Path.Key] = v
		}
		return true
	})
	return found
}

// awaitView waits until a reader's view is the table (G1), and then checks the
// reader's history (G2, G3).
func awaitView(t testing.TB, r *reader, want map[string]Item) {
	t.Helper()
	diff := ""
	if !testutil.Holds(settled, func() bool {
		// The view shows a value while its handler still runs.
		diff = cmp.Diff(want, maps.Collect(r.sub.All())) + cmp.Diff(want, r.history.replay())
		return diff == ""
	}) {
		t.Fatalf("after %s the view of %s, or what its handlers were told, differs from the table (-table +view):\n%s", settled, r.name, diff)
	}
	r.history.check(t)
}

func key(i int) string { return fmt.Sprintf("key %d/%d", i%7, i) }

// mustHead returns a table's head.
func mustHead(t testing.TB, c *client.Client, name wire.Table) uint64 {
	t.Helper()
	info, _, err := c.Snapshot(testContext(t), name)
	if err != nil {
		t.Fatal(err)
	}
	return info.Head
}

// handled returns up to which revision a reader has handled its table, as a trace
// tells it.
func handled(t testing.TB, c *client.Client, r *reader) uint64 {
	t.Helper()
	return state(t, c, r).Handled[items().String()]
}

// state returns a reader's state, as a trace tells it.
func state(t testing.TB, c *client.Client, r *reader) wire.SubscriptionState {
	t.Helper()
	trace, err := c.Trace(testContext(t), items().Name())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range trace.Listeners {
		if l.Agent == r.name && l.State != nil {
			return *l.State
		}
	}
	return wire.SubscriptionState{}
}
