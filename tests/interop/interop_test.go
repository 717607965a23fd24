package interop

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// operations is how many each side does.
const operations = 5000

// worked is how long all of them may take.
const worked = 2 * time.Minute

// The tables of the test: each side owns one, and both write the third.
var (
	ofNode = wire.Table{Agent: "node agent", Topic: "State", Scope: "rack 1/ü"}
	ofGo   = wire.Table{Agent: "go.agent", Topic: "State"}
	shared = wire.Table{Agent: "nobody", Topic: "Notes"}
)

// Both sides do random operations and follow all tables, while connections are
// cut, messages vanish and the server is killed. In the end both have exactly
// what the server has, and each table holds what its owner wanted.
func TestNodeAndGoAgree(t *testing.T) {
	seed := uint32(testutil.Seed(t))
	p := newPlace(t)
	p.options.Program = testutil.Build(t, "cmd/nkv-server")
	p.start()
	var loses atomic.Bool
	p.forNode.Filter(losing(&loses))

	// A short timeout, as answers vanish.
	n := p.node(ofNode.Agent, args{"timeout": 500})
	n.ask("publish", args{"table": ofNode.String(), "durable": true})
	n.ask("subscribe", args{"name": "all", "pattern": ">"})
	n.ask("subscribe", args{"name": "table", "pattern": ofGo.String()})
	n.ask("subscribe", args{"name": "key", "pattern": ofGo.String() + ".key7"})
	c, pub := p.owner(ofGo)
	following := follow(t, c)

	names := keys()
	working := n.begin("work", args{"table": ofNode.String(), "shared": shared.String(), "names": names, "seed": seed, "operations": operations})
	w := &worker{t: t, c: c, pub: pub, keys: names, random: rand.New(rand.NewPCG(uint64(seed), 2)), pace: &working.progress}
	var working2 sync.WaitGroup
	working2.Go(w.run)
	defer working2.Wait()
	restarts := trouble(t, p, working, &loses)
	theirs := n.wait(working, worked)
	working2.Wait()
	for _, wrong := range append(theirs.Wrong, w.wrong...) {
		t.Error(wrong)
	}

	testutil.Await(t, settled, "both owners' tables are as they want", func() bool {
		return n.ask("wanted", args{"table": ofNode.String()}).Settled && w.settled()
	})
	var differences []string
	testutil.Holds(settled, func() bool {
		differences = compare(t, p, n, following, pub)
		return len(differences) == 0
	})
	counts := n.ask("counts", nil).Counts
	t.Logf("node: %d operations, %d unanswered or refused, %d reconnects, %d snapshots pulled; go: %d operations, %d unanswered or refused, %d reconnects; server: %d restarts; differences: %d",
		theirs.Operations, theirs.Unanswered, p.forNode.Connections()-1, counts.Snapshots, w.done, w.failed, p.forGo.Connections()-1, restarts, len(differences))
	for _, difference := range differences {
		t.Error(difference)
	}
	if theirs.Operations != operations || w.done != operations {
		t.Errorf("%d and %d operations were done", theirs.Operations, w.done)
	}
	if counts.Breaks < 6 || p.forGo.Connections() < 6 || restarts < 2 {
		t.Errorf("the test does not test: %+v", counts)
	}
}

// losing loses a few messages, while it shall: events, and now and then an answer.
func losing(shall *atomic.Bool) func(subject string) testutil.Fate {
	var events, answers atomic.Int64
	return func(subject string) testutil.Fate {
		switch event := strings.HasPrefix(subject, wire.EventPrefix); {
		case !shall.Load():
		case event && events.Add(1)%23 == 0, !event && answers.Add(1)%301 == 0:
			return testutil.Lose
		case event && events.Load()%31 == 0:
			return testutil.Late
		case event && events.Load()%37 == 0:
			return testutil.Repeat
		}
		return testutil.Deliver
	}
}

// trouble cuts connections and kills the server, as the work goes on.
func trouble(t *testing.T, p *place, working *call, loses *atomic.Bool) (restarts int) {
	const steps = 20
	for step := range steps {
		testutil.Await(t, worked, fmt.Sprintf("step %d of the work", step), func() bool {
			return working.progress.Load() >= int64(operations*(step+1)/(steps+2)) || len(working.done) > 0
		})
		loses.Store(step >= 4 && step < 14)
		switch {
		case step%8 == 5:
			p.restart()
			restarts++
		case step%4 == 0:
			p.forNode.Cut()
		case step%4 == 1:
			p.forGo.Cut()
		case step%4 == 2:
			p.forNode.Cut()
			p.forGo.Cut()
		}
	}
	return restarts
}

// following is what a Go subscription to everything was told.
type following struct {
	sub *client.Subscription

	mu     sync.Mutex // guards tables
	tables map[string]map[string]entry
}

// follow subscribes to everything, until the test ends.
func follow(t *testing.T, c *client.Client) *following {
	t.Helper()
	sub, err := c.Subscribe(">")
	if err != nil {
		t.Fatal(err)
	}
	f := &following{sub: sub, tables: map[string]map[string]entry{}}
	ctx, cancel := context.WithCancel(context.Background())
	var taking sync.WaitGroup
	taking.Go(func() {
		for f.sub.Wait(ctx) == nil {
			for change, ok := f.sub.Next(); ok; change, ok = f.sub.Next() {
				f.take(change)
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		taking.Wait()
	})
	return f
}

func (f *following) take(c client.Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tables[c.Table] == nil {
		f.tables[c.Table] = map[string]entry{}
	}
	switch c.Op {
	case client.Put:
		f.tables[c.Table][c.Key] = entry{c.Value, c.Revision}
	case client.Delete:
		delete(f.tables[c.Table], c.Key)
	}
}

func (f *following) view(table string) map[string]entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.tables[table])
}

// compare returns a line for each difference between what the server has, what
// the two sides were told, and what the owners want.
func compare(t *testing.T, p *place, n *node, f *following, pub *client.Publication) (differences []string) {
	t.Helper()
	differ := func(what string, table wire.Table, want, got any) {
		if d := cmp.Diff(want, got); d != "" {
			differences = append(differences, fmt.Sprintf("%s of %s (- the server's, + this):\n%.2000s", what, table, d))
		}
	}
	direct, err := client.Connect(t.Context(), "unix://"+p.options.Socket)
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close()
	views := map[string]map[string]map[string]entry{}
	for _, name := range []string{"all", "table", "key"} {
		views[name] = n.ask("view", args{"name": name}).Tables
	}
	for _, table := range []wire.Table{ofNode, ofGo, shared} {
		_, entries, err := direct.Snapshot(p.context(), table)
		if err != nil {
			t.Fatal(err)
		}
		have, values, one := map[string]entry{}, map[string]string{}, map[string]entry{}
		for _, e := range entries {
			have[e.Path.Key] = entry{e.Value, e.Revision}
			values[e.Path.Key] = string(e.Value)
			if e.Path.Key == "key7" {
				one["key7"] = have["key7"]
			}
		}
		differ("Node's view", table, have, some(views["all"][table.String()]))
		differ("Go's view", table, have, some(f.view(table.String())))
		wanted := map[string]string{}
		switch table {
		case ofNode:
			for key, value := range n.ask("wanted", args{"table": table.String()}).Entries {
				wanted[key] = string(value)
			}
			differ("what its owner in Node wants", table, values, wanted)
		case ofGo:
			for key, value := range pub.All() {
				wanted[key] = string(value)
			}
			differ("what its owner in Go wants", table, values, wanted)
			differ("Node's view of a table alone", table, have, some(views["table"][table.String()]))
			differ("Node's view of one key", table, one, some(views["key"][table.String()]))
		}
	}
	return differences
}

// some makes no keys the same as no table.
func some(view map[string]entry) map[string]entry {
	if view == nil {
		return map[string]entry{}
	}
	return view
}

// worker does the random operations of the Go side.
type worker struct {
	t      *testing.T
	c      *client.Client
	pub    *client.Publication
	keys   []string
	random *rand.Rand
	pace   *atomic.Int64 // operations of the other side; neither is to end long before the other

	done, failed int
	restarts     uint64
	wrong        []string
}

func (w *worker) run() {
	for ; w.done < operations; w.done++ {
		if !testutil.Holds(worked, func() bool { return int64(w.done) <= w.pace.Load()+operations/20 }) {
			w.wrong = append(w.wrong, "the other side does not go on")
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		err := w.operation(ctx)
		cancel()
		if err == nil {
			continue
		}
		w.failed++
		if !expected(err) {
			w.wrong = append(w.wrong, fmt.Sprintf("Go's operation %d: %v", w.done, err))
		}
	}
}

// expected reports whether an operation may fail so, in trouble.
func expected(err error) bool {
	for _, may := range []error{
		client.ErrDisconnected, client.ErrUnconfirmed, client.ErrNoAnswer, client.ErrUnavailable, client.ErrRevision, client.ErrNotFound,
	} {
		if errors.Is(err, may) {
			return true
		}
	}
	return false
}

func (w *worker) key() string { return w.keys[w.random.IntN(len(w.keys))] }

func (w *worker) value() []byte {
	value := make([]byte, w.random.IntN(300))
	if w.random.IntN(100) == 0 {
		value = make([]byte, 40_000)
	}
	for i := range value {
		value[i] = byte(w.random.Uint32())
	}
	return value
}

func (w *worker) operation(ctx context.Context) error {
	path := wire.Path{Table: shared, Key: w.key()}
	switch choice := w.random.IntN(100); {
	case choice < 50:
		return w.pub.Put(ctx, w.key(), w.value())
	case choice < 65:
		return w.pub.Delete(ctx, w.key())
	case choice < 75:
		_, err := w.c.Put(ctx, path, w.value())
		return err
	case choice < 80:
		found, err := w.c.Get(ctx, path)
		if err != nil && !errors.Is(err, client.ErrNotFound) {
			return err
		}
		_, err = w.c.Put(ctx, path, w.value(), client.ExpectRevision(found.Revision))
		return err
	case choice < 85:
		_, err := w.c.Delete(ctx, path)
		return err
	case choice < 88:
		w.restarts++
		return w.pub.Restarted(ctx, w.restarts)
	default:
		_, err := w.c.Get(ctx, wire.Path{Table: ofNode, Key: w.key()})
		return err
	}
}

// settled reports whether the server has acknowledged all that is wanted: the
// last change of each kind waits until then.
func (w *worker) settled() bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return w.pub.Put(ctx, "last", w.value()) == nil && w.pub.Restarted(ctx, w.restarts+1) == nil
}
