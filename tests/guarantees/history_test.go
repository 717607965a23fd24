package guarantees

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/agent"
)

// call is one handler call.
type call struct {
	op       string
	key      string
	v, old   Item
	counter  uint64
	revision uint64
	at       time.Time
}

func (c call) String() string {
	return fmt.Sprintf("%s %s revision %d: %d, old %d, counter %d, at %s", c.op, c.key, c.revision, c.v.N, c.old.N, c.counter, c.at.Format("05.000000"))
}

// history is all handler calls of a subscription, in order.
type history struct {
	name  string
	mu    sync.Mutex // guards the fields below
	calls []call
	last  call // what the handler saw that runs; the observer completes it
}

// reader is an agent with one subscription and its history.
type reader struct {
	name    string
	agent   *agent.Agent
	sub     *agent.Subscription[Item]
	history *history
}

// readerOptions change a reader.
type readerOptions struct {
	slow  func(key string)        // called in each handler of a change
	extra func(h agent.Call)      // called after each handler call
	sync  func()                  // called in Synchronized
	agent []agent.Option          //
	each  func(c call, r *reader) // called in each handler of a change and of a mark
}

func newReader(t testing.TB, url string, table agent.Table[Item], name string, given readerOptions) *reader {
	t.Helper()
	r := &reader{name: name, history: &history{name: name}}
	h := r.history
	observer := agent.Observer(func(c agent.Call) {
		h.observe(c)
		if given.extra != nil {
			given.extra(c)
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	a, err := agent.Connect(ctx, name, append([]agent.Option{agent.URL(url), observer}, given.agent...)...)
	if err != nil {
		t.Fatal(err)
	}
	r.agent = a
	note := func(c call) error {
		if given.slow != nil {
			given.slow(c.key)
		}
		if given.each != nil {
			given.each(c, r)
		}
		h.note(c)
		return nil
	}
	r.sub, err = agent.Subscribe(ctx, a, table, agent.Handlers[Item]{
		Create: func(_ context.Context, key string, v Item) error { return note(call{op: "create", key: key, v: v}) },
		Modify: func(_ context.Context, key string, v, old Item) error {
			return note(call{op: "modify", key: key, v: v, old: old})
		},
		Delete: func(_ context.Context, key string, old Item) error {
			return note(call{op: "delete", key: key, old: old})
		},
		Synchronized: func(context.Context) {
			if given.sync != nil {
				given.sync()
			}
			h.note(call{op: "synchronized"})
		},
		Restarted: func(_ context.Context, counter uint64) {
			c := call{op: "restarted", counter: counter}
			if given.each != nil {
				given.each(c, r)
			}
			h.note(c)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		if err := a.Run(ctx); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	})
	t.Cleanup(func() { cancel(); a.Close(); running.Wait() })
	return r
}

func (h *history) note(c call) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last = c
}

func (h *history) observe(c agent.Call) {
	h.mu.Lock()
	defer h.mu.Unlock()
	done := h.last
	h.last = call{}
	done.revision, done.at = c.Revision, time.Now()
	h.calls = append(h.calls, done)
}

func (h *history) all() []call {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]call(nil), h.calls...)
}

func (h *history) count(op string) int {
	n := 0
	for _, c := range h.all() {
		if c.op == op || op == "" {
			n++
		}
	}
	return n
}

// replay returns the table as the calls tell it.
func (h *history) replay() map[string]Item {
	view := map[string]Item{}
	for _, c := range h.all() {
		switch c.op {
		case "create", "modify":
			view[c.key] = c.v
		case "delete":
			delete(view, c.key)
		}
	}
	return view
}

// check holds the calls against G2 and G3.
func (h *history) check(t testing.TB) {
	t.Helper()
	view, newest := map[string]Item{}, map[string]int{}
	var revision uint64
	bad := func(i int, what string) {
		t.Errorf("%s: call %d: %s: %s", h.name, i, what, h.calls[i])
	}
	synchronized := 0
	for i, c := range h.all() {
		old, there := view[c.key]
		switch c.op {
		case "create":
			if there {
				bad(i, "a create of a key that is there")
			}
		case "modify":
			switch {
			case !there:
				bad(i, "a modify of a key that is not there")
			case c.old != old:
				bad(i, fmt.Sprintf("a modify whose old value is not the one accepted last, which is %d", old.N))
			case c.v == c.old:
				bad(i, "a modify of an unchanged value")
			}
		case "delete":
			if !there {
				bad(i, "a delete of a key that is not there")
			} else if c.old != old {
				bad(i, fmt.Sprintf("a delete whose value is not the one accepted last, which is %d", old.N))
			}
		case "synchronized":
			if synchronized++; synchronized > 1 {
				bad(i, "synchronized again")
			}
		}
		if c.revision < revision {
			bad(i, fmt.Sprintf("handled after revision %d of the same table", revision))
		}
		revision = c.revision
		switch c.op {
		case "create", "modify":
			if c.v.N < newest[c.key] {
				bad(i, fmt.Sprintf("an older value than %d", newest[c.key]))
			}
			view[c.key], newest[c.key] = c.v, c.v.N
		case "delete":
			delete(view, c.key)
		}
	}
}

// quiet checks that no handler is called while do runs and a change after it is
// handled.
func (r *reader) quiet(t testing.TB, do func(), after func() (done func() bool)) {
	t.Helper()
	before := len(r.history.all())
	do()
	done := after()
	testutil.Await(t, settled, "the change after it is handled by "+r.name, done)
	for _, c := range r.history.all()[before:] {
		if c.op != "create" && c.op != "modify" && c.op != "delete" {
			continue
		}
		if c.key != "after" {
			t.Errorf("%s was called: %s", r.name, c)
		}
	}
}
