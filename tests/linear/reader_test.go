package linear

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// reader is an agent that follows one table, and checks what its handlers are told
// against the guarantees G2, G3, G4 and G12 as they are told it.
type reader struct {
	day    *day
	name   string
	table  wire.Table
	estate *estate        // whose table it is; nil: it is no owner's
	floor  map[string]int // what must have been handled when it is synchronized
	agent  *agent.Agent
	sub    *agent.Subscription[Value]
	end    func()

	mu           sync.Mutex // guards the fields below
	view         map[string]int
	told         int    // the value that the running handler was given
	revision     uint64 // of the newest call
	revisions    map[string]uint64
	synchronized bool
	calls        int
	log          []string
}

// read starts a reader of a table over a line.
func (d *day) read(name string, table wire.Table, durable bool, of *estate, l *line, random *rand.Rand) *reader {
	r := &reader{day: d, name: name, table: table, estate: of, view: map[string]int{}, revisions: map[string]uint64{}}
	if of != nil {
		r.floor = of.floor()
	}
	a, err := agent.Connect(context.Background(), name, agent.URL(l.URL()), agent.Observer(r.observe),
		agent.Client(client.Timeout(timeout), client.HeadCheck(headCheck)))
	if err != nil {
		d.rec.violation("%s can't connect: %v", name, err)
		return nil
	}
	r.agent = a
	note := func(op, key string, v, old int) error {
		r.note(op, key, v, old)
		switch n := random.IntN(1000); { // one event loop: nobody else uses it
		case n < 5:
			time.Sleep(60 * time.Millisecond) // a slow handler
		case n < 100:
			time.Sleep(2 * time.Millisecond)
		}
		return nil
	}
	r.sub, err = agent.Subscribe(context.Background(), a, agent.Table[Value]{Owner: table.Agent, Topic: table.Topic, Scope: table.Scope, Durable: durable},
		agent.Handlers[Value]{
			Create:       func(_ context.Context, key string, v Value) error { return note("create", key, v.N, 0) },
			Modify:       func(_ context.Context, key string, v, old Value) error { return note("modify", key, v.N, old.N) },
			Delete:       func(_ context.Context, key string, old Value) error { return note("delete", key, 0, old.N) },
			Synchronized: func(context.Context) { r.noteSynchronized() },
			Restarted:    func(_ context.Context, counter uint64) { r.noteRestarted(counter) },
		})
	if err != nil {
		d.rec.violation("%s can't subscribe: %v", name, err)
		a.Close()
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := a.Run(ctx); err != nil {
			d.rec.violation("%s: %v", name, err)
		}
	})
	r.end = sync.OnceFunc(func() { cancel(); a.Close(); running.Wait() })
	return r
}

// wrong is a violation by this reader's history. The lock is held.
func (r *reader) wrong(format string, args ...any) {
	last := r.log[max(0, len(r.log)-20):]
	r.day.rec.violation("%s of %s, call %d: %s; it was told before: %q", r.name, r.table, r.calls, fmt.Sprintf(format, args...), last)
}

// note holds a change against the view (G3).
func (r *reader) note(op, key string, v, old int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, there := r.view[key]
	switch {
	case op == "create" && there:
		r.wrong("create %s, which is there", key)
	case op != "create" && !there:
		r.wrong("%s %s, which is not there", op, key)
	case op != "create" && old != before:
		r.wrong("%s %s: the old value is %d, and the last one was %d", op, key, old, before)
	case op == "modify" && v == old:
		r.wrong("modify %s: it is the same", key)
	}
	r.told = v
	if op == "delete" {
		delete(r.view, key)
	} else {
		r.view[key] = v
	}
}

// noteSynchronized holds the view against what had been answered when the
// subscription began (G4, G13).
func (r *reader) noteSynchronized() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.synchronized {
		r.wrong("synchronized again")
	}
	r.synchronized = true
	if r.table.Agent == "raw" {
		r.wrong("synchronized, and nobody has opened the table")
	}
	r.reaches("synchronized", r.floor)
}

// noteRestarted holds the view against what its owner had asked for before the
// mark (G12).
func (r *reader) noteRestarted(counter uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.estate == nil {
		r.wrong("restart counter %d, and nobody has set one", counter)
		return
	}
	r.reaches(fmt.Sprint("restarted ", counter), r.estate.markOf(counter))
}

func (r *reader) reaches(what string, floor map[string]int) {
	for key, order := range floor {
		if !r.estate.reached(key, r.view[key], order) {
			r.wrong("%s: %s is %d, and change %d of it was to come before", what, key, r.view[key], order)
		}
	}
}

// observe holds the order of revisions against G2 and G4.
func (r *reader) observe(c agent.Call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	if c.Revision < r.revision {
		r.wrong("%s %s at revision %d, after %d", c.Op, c.Key, c.Revision, r.revision)
	}
	change := c.Op == "create" || c.Op == "modify" || c.Op == "delete"
	if change && c.Revision <= r.revisions[c.Key] {
		r.wrong("%s %s at revision %d, after %d of the key", c.Op, c.Key, c.Revision, r.revisions[c.Key])
	}
	if change {
		r.revisions[c.Key] = c.Revision
	}
	if change && c.Op != "delete" {
		r.day.rec.saw(sighting{Table: r.table.String(), Key: c.Key, Value: r.told, Revision: c.Revision, By: c.Op + " of " + r.name})
	}
	r.revision = c.Revision
	r.log = append(r.log, fmt.Sprintf("%s %s revision %d: %d", c.Op, c.Key, c.Revision, r.told))
	if len(r.log) > 2000 {
		r.log = r.log[1000:]
	}
}

// becomes waits until the view is the table (G1).
func (r *reader) becomes(want map[string]int) {
	diff := ""
	begun := time.Now()
	if !testutil.Holds(settled, func() bool {
		shown := map[string]int{}
		for key, v := range r.sub.All() {
			shown[key] = v.N
		}
		r.mu.Lock()
		told := maps.Clone(r.view)
		r.mu.Unlock()
		diff = cmp.Diff(want, shown) + cmp.Diff(want, told)
		return diff == ""
	}) {
		r.day.rec.violation("after %s the view of %s of %s is not the table (-table +view):\n%s", settled, r.name, r.table, diff)
	}
	r.day.mu.Lock()
	defer r.day.mu.Unlock()
	r.day.slowest = max(r.day.slowest, time.Since(begun))
}
