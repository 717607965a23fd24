package agent_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

// pair starts a server, an owner with its publication, and a reader whose calls a
// scribe writes down.
func pair(t *testing.T, given ...agent.Option) (*agent.Publication[Thing], *agent.Subscription[Thing], *scribe) {
	t.Helper()
	s := startServer(t, server.Options{})
	owner := connect(t, "owner", agent.InProcess(s))
	reader := connect(t, "reader", append([]agent.Option{agent.InProcess(s), agent.Retry(time.Millisecond, 20*time.Millisecond)}, given...)...)
	calls := newScribe()
	sub, err := agent.Subscribe(testContext(t), reader, things, calls.handlers())
	if err != nil {
		t.Fatal(err)
	}
	run(t, reader)
	pub, err := agent.Publish(testContext(t), owner, things)
	if err != nil {
		t.Fatal(err)
	}
	calls.wrote(t, "synchronized")
	return pub, sub, calls
}

func publish(t *testing.T, pub *agent.Publication[Thing], key string, v Thing) {
	t.Helper()
	if err := pub.Publish(testContext(t), key, v); err != nil {
		t.Fatal(err)
	}
}

func unpublish(t *testing.T, pub *agent.Publication[Thing], key string) {
	t.Helper()
	if err := pub.Unpublish(testContext(t), key); err != nil {
		t.Fatal(err)
	}
}

func TestHandlersAreCalledInOrder(t *testing.T) {
	pub, sub, calls := pair(t)
	publish(t, pub, "a", Thing{N: 1})
	calls.until(t, "a", has("create a 1"))
	publish(t, pub, "a", Thing{N: 2})
	calls.until(t, "a is 2", has("modify a 2 from 1"))
	publish(t, pub, "a", Thing{N: 2})
	publish(t, pub, "b.c d", Thing{N: 3})
	if err := pub.Restarted(testContext(t)); err != nil {
		t.Fatal(err)
	}
	calls.until(t, "restarted", has("restarted 1"))
	unpublish(t, pub, "a")
	if err := pub.ClearRestarted(testContext(t)); err != nil {
		t.Fatal(err)
	}
	calls.wrote(t, "synchronized", "create a 1", "modify a 2 from 1", "create b.c d 3", "restarted 1", "delete a 2", "restarted 0")
	if !sub.Synchronized() || sub.Restarts() != 0 || sub.Errors() != 0 || sub.Len() != 1 || pub.Len() != 1 {
		t.Errorf("synchronized %t, restarts %d, errors %d, %d and %d keys", sub.Synchronized(), sub.Restarts(), sub.Errors(), sub.Len(), pub.Len())
	}
	if err := pub.Unpublish(testContext(t), "a"); !errors.Is(err, agent.ErrNotFound) {
		t.Errorf("Unpublish: %v, want ErrNotFound", err)
	}
}

func TestValuesAreTheCallersOwn(t *testing.T) {
	pub, sub, calls := pair(t)
	in := Thing{N: 1, S: "s", L: []int{1, 2}}
	publish(t, pub, "k", in)
	in.L[0] = 99
	calls.until(t, "k", has("create k 1"))
	want := Thing{N: 1, S: "s", L: []int{1, 2}}
	for range 2 {
		for name, get := range map[string]func(string) (Thing, bool){"publication": pub.Get, "subscription": sub.Get} {
			got, ok := get("k")
			if diff := cmp.Diff(want, got); diff != "" || !ok {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			spoil(&got)
			if _, ok := get("none"); ok {
				t.Errorf("%s has a key that is not there", name)
			}
		}
		n := 0
		for key, v := range pub.All() {
			if diff := cmp.Diff(want, v); diff != "" || key != "k" {
				t.Errorf("%s (-want +got):\n%s", key, diff)
			}
			spoil(&v)
			n++
		}
		for key, v := range sub.All() {
			if diff := cmp.Diff(want, v); diff != "" || key != "k" {
				t.Errorf("%s (-want +got):\n%s", key, diff)
			}
			spoil(&v)
			n++
		}
		for key := range pub.Keys() {
			if key != "k" {
				t.Errorf("key %s", key)
			}
			n++
		}
		if n != 3 {
			t.Errorf("%d values and keys, want 3", n)
		}
	}
}

// count returns how often a call was made.
func count(calls []string, call string) int {
	n := 0
	for _, c := range calls {
		if c == call {
			n++
		}
	}
	return n
}

func TestAFailingHandlerIsCalledAgain(t *testing.T) {
	pub, sub, calls := pair(t)
	three := func(call string) func([]string) bool {
		return func(all []string) bool { return count(all, call) >= 3 }
	}
	// Create fails: again and again, then for the latest state.
	calls.breaks("create k", true)
	publish(t, pub, "k", Thing{N: 1})
	calls.until(t, "three tries", three("create k 1"))
	publish(t, pub, "other", Thing{N: 1}) // others go on
	calls.until(t, "other", has("create other 1"))
	publish(t, pub, "k", Thing{N: 2})
	calls.until(t, "three tries of the latest", three("create k 2"))
	calls.breaks("create k", false)
	n := count(calls.all(), "create k 1")
	publish(t, pub, "k", Thing{N: 3})
	calls.until(t, "k is 3", func(all []string) bool {
		return has("create k 3")(all) || has("modify k 3 from 2")(all)
	})
	if count(calls.all(), "create k 1") != n {
		t.Error("Create was called for a state that was gone")
	}
	// Modify fails: old stays the value that was accepted last.
	calls.breaks("modify k", true)
	publish(t, pub, "k", Thing{N: 4})
	calls.until(t, "three tries", three("modify k 4 from 3"))
	publish(t, pub, "k", Thing{N: 5})
	calls.until(t, "three tries of the latest", three("modify k 5 from 3"))
	if v, ok := sub.Get("k"); !ok || v.N != 5 {
		t.Errorf("Get: %+v, %t; a handler got 5 last", v, ok)
	}
	// Delete fails, and the key comes back: first the Delete, then a new Create.
	calls.breaks("delete k", true)
	unpublish(t, pub, "k")
	calls.until(t, "three tries", three("delete k 5"))
	if _, ok := sub.Get("k"); ok || sub.Len() != 1 {
		t.Errorf("k is there: %t, %d keys", ok, sub.Len())
	}
	publish(t, pub, "k", Thing{N: 6})
	publish(t, pub, "other", Thing{N: 2})
	calls.until(t, "other is 2", has("modify other 2 from 1"))
	if has("create k 6")(calls.all()) {
		t.Error("Create before Delete has worked")
	}
	calls.breaks("delete k", false)
	calls.until(t, "k is back", has("create k 6"))
	all := calls.all()
	for i, call := range all {
		if call == "create k 6" && all[i-1] != "delete k 5" {
			t.Errorf("before Create: %s", all[i-1])
		}
		if strings.Contains(call, "while another runs") {
			t.Error(call)
		}
	}
	// A key that goes while Create fails is deleted, once, and nothing remains.
	calls.breaks("create gone", true)
	publish(t, pub, "gone", Thing{N: 1})
	calls.until(t, "a try", has("create gone 1"))
	unpublish(t, pub, "gone")
	calls.until(t, "gone", has("delete gone 1"))
	tries := count(calls.all(), "create gone 1")
	publish(t, pub, "other", Thing{N: 3})
	calls.until(t, "other is 3", has("modify other 3 from 2"))
	if all := calls.all(); count(all, "create gone 1") != tries || count(all, "delete gone 1") != 1 {
		t.Errorf("calls after the key was gone: %q", all)
	}
}

// raw writes bytes into the table, as its owner from another build would.
func raw(t *testing.T, c *client.Client, fence uint64, key, value string) {
	t.Helper()
	if _, err := c.Put(testContext(t), wire.Path{Table: things.Name(), Key: key}, []byte(value), client.Fence(fence)); err != nil {
		t.Fatal(err)
	}
}

func TestValuesOfAnotherBuild(t *testing.T) {
	s := startServer(t, server.Options{})
	reader := connect(t, "reader", agent.InProcess(s))
	calls := newScribe()
	sub, err := agent.Subscribe(testContext(t), reader, things, calls.handlers())
	if err != nil {
		t.Fatal(err)
	}
	run(t, reader)
	other := connect(t, "owner", agent.InProcess(s)).Client()
	fence, err := other.Take(testContext(t), things.Name(), false)
	if err != nil {
		t.Fatal(err)
	}
	calls.wrote(t, "synchronized")
	wantErrors := func(n uint64) {
		t.Helper()
		// What comes after on the same table is handled after.
		raw(t, other, fence, "after", fmt.Sprintf(`{"N":%d}`, n))
		calls.until(t, "what comes after", func(all []string) bool {
			last := all[len(all)-1]
			return strings.HasPrefix(last, fmt.Sprint("create after ", n)) || strings.HasPrefix(last, fmt.Sprintf("modify after %d ", n))
		})
		if got := sub.Errors(); got != n {
			t.Errorf("%d errors, want %d", got, n)
		}
	}
	raw(t, other, fence, "k", `{"N":"text"}`) // never good before: no handler
	wantErrors(1)
	raw(t, other, fence, "k", `{"N":1,"Unknown":1}`)
	calls.until(t, "the good value", has("create k 1"))
	raw(t, other, fence, "k", `{"Unknown":2, "N":1}`) // the same to this build
	raw(t, other, fence, "k", `{"N":`)
	wantErrors(2)
	if v, ok := sub.Get("k"); !ok || v.N != 1 {
		t.Errorf("the old value does not stay: %+v, %t", v, ok)
	}
	raw(t, other, fence, "k", `{"N":2}`)
	calls.until(t, "the next good value", has("modify k 2 from 1"))
	raw(t, other, fence, "k", `[]`)
	wantErrors(3)
	if _, err := other.Delete(testContext(t), wire.Path{Table: things.Name(), Key: "k"}, client.Fence(fence)); err != nil {
		t.Fatal(err)
	}
	calls.until(t, "the end", has("delete k 2"))
	want := []string{"synchronized", "create after 1", "create k 1", "modify after 2 from 1", "modify k 2 from 1", "modify after 3 from 2", "delete k 2"}
	if diff := cmp.Diff(want, calls.all()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestNobodyNeedsToBeFirst(t *testing.T) {
	at := "unix://" + socket(t)
	reader := connect(t, "reader", agent.URL(at))
	calls := newScribe()
	if _, err := agent.Subscribe(testContext(t), reader, things, calls.handlers()); err != nil {
		t.Fatal(err)
	}
	run(t, reader)
	owner := connect(t, "owner", agent.URL(at))
	published := make(chan error, 1)
	go func() {
		pub, err := agent.Publish(testContext(t), owner, things)
		if err == nil {
			err = pub.Publish(testContext(t), "k", Thing{N: 1})
		}
		published <- err
	}()
	impatient, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := agent.Publish(impatient, connect(t, "other", agent.URL(at)), agent.Table[Thing]{Owner: "other"}); !errors.Is(err, agent.ErrDisconnected) {
		t.Errorf("Publish without a server: %v, want ErrDisconnected", err)
	}
	if err := connect(t, "x", agent.URL(at)).Client().Connected(); !errors.Is(err, agent.ErrDisconnected) {
		t.Errorf("%v, want ErrDisconnected", err)
	}
	start := time.Now()
	startServer(t, server.Options{Socket: strings.TrimPrefix(at, "unix://")})
	calls.until(t, "the first value", has("create k 1"))
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("it took %s", took)
	}
	if err := <-published; err != nil {
		t.Error(err)
	}
}

func TestWhoMayPublish(t *testing.T) {
	s := startServer(t, server.Options{})
	owner := connect(t, "owner", agent.InProcess(s))
	if _, err := agent.Publish(testContext(t), connect(t, "other", agent.InProcess(s)), things); !errors.Is(err, agent.ErrNotOwner) {
		t.Errorf("%v, want ErrNotOwner", err)
	}
	pub, err := agent.Publish(testContext(t), owner, things)
	if err != nil {
		t.Fatal(err)
	}
	publish(t, pub, "k", Thing{N: 1})
	second := connect(t, "owner", agent.InProcess(s))
	if _, err := agent.Publish(testContext(t), second, things); !errors.Is(err, agent.ErrTableOwned) {
		t.Errorf("%v, want ErrTableOwned", err)
	}
	if _, err := agent.Publish(testContext(t), second, things.In("scope")); err != nil {
		t.Error(err)
	}
	// The keys stay when their owner gives the table up, and it may become durable.
	owner.Close()
	durable := things
	durable.Durable = true
	pub, err = agent.Publish(testContext(t), second, durable)
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := pub.Get("k"); !ok || v.N != 1 {
		t.Errorf("%+v, %t", v, ok)
	}
	infos, err := second.Client().Tables(testContext(t), things.String())
	if err != nil || len(infos) != 1 || !infos[0].Durable || infos[0].Fingerprint == "" {
		t.Errorf("%+v, %v", infos, err)
	}
	if err := pub.Close(testContext(t)); err != nil {
		t.Error(err)
	}
	if err := pub.Publish(testContext(t), "k", Thing{}); !errors.Is(err, client.ErrClosed) {
		t.Errorf("%v, want ErrClosed", err)
	}
}

func TestTablesThatCannotBe(t *testing.T) {
	a := connect(t, "owner", agent.URL("unix://"+socket(t)))
	ctx := testContext(t)
	type bad struct{ Err error }
	_, published := agent.Publish(ctx, a, agent.Table[bad]{Owner: "owner"})
	_, subscribed := agent.Subscribe(ctx, a, agent.Table[bad]{Owner: "owner"}, agent.Handlers[bad]{})
	for _, err := range []error{published, subscribed} {
		if !errors.Is(err, agent.ErrType) || !strings.Contains(err.Error(), "Err") {
			t.Errorf("%v, want ErrType naming the field", err)
		}
	}
	for _, table := range []agent.Table[Thing]{{}, {Owner: strings.Repeat("o", 256)}, {Owner: "owner", Topic: "\xff"}, {Owner: "owner", Scope: strings.Repeat("s", 256)}} {
		if _, err := agent.Subscribe(ctx, a, table, agent.Handlers[Thing]{}); !errors.Is(err, agent.ErrInvalidOption) {
			t.Errorf("%+v: %v, want ErrInvalidOption", table, err)
		}
	}
	for name, option := range map[string]agent.Option{
		"logger": agent.Logger(nil), "watchdog": agent.Watchdog(""), "slow": agent.SlowHandler(0, time.Second),
		"slow order": agent.SlowHandler(time.Minute, time.Second), "retry": agent.Retry(0, 1), "retry order": agent.Retry(2, 1),
		"observer": agent.Observer(nil),
	} {
		if _, err := agent.Connect(ctx, "a", option); !errors.Is(err, agent.ErrInvalidOption) {
			t.Errorf("%s: %v, want ErrInvalidOption", name, err)
		}
	}
	if _, err := agent.Connect(ctx, ""); err == nil {
		t.Error("an agent without a name")
	}
	if _, err := a.Every("never", 0, func(context.Context) {}); !errors.Is(err, agent.ErrInvalidOption) {
		t.Errorf("Every: %v, want ErrInvalidOption", err)
	}
}

type unwritable struct{ F float64 }

func TestAValueThatCannotBeWritten(t *testing.T) {
	s := startServer(t, server.Options{MaxValue: 100})
	owner := connect(t, "owner", agent.InProcess(s))
	pub, err := agent.Publish(testContext(t), owner, agent.Table[unwritable]{Owner: "owner"})
	if err != nil {
		t.Fatal(err)
	}
	zero := 0.0
	if err := pub.Publish(testContext(t), "k", unwritable{1 / zero}); !errors.Is(err, agent.ErrEncode) || pub.Len() != 0 {
		t.Errorf("%v, want ErrEncode; %d keys", err, pub.Len())
	}
	large, err := agent.Publish(testContext(t), owner, things)
	if err != nil {
		t.Fatal(err)
	}
	publish(t, large, "k", Thing{N: 1})
	if err := large.Publish(testContext(t), "k", Thing{S: strings.Repeat("x", 200)}); !errors.Is(err, agent.ErrTooLarge) {
		t.Errorf("%v, want ErrTooLarge", err)
	}
	if v, ok := large.Get("k"); !ok || v.N != 1 {
		t.Errorf("the value before is %+v, %t", v, ok)
	}
}

// A subscription that is closed by a handler calls no handler any more.
func TestCloseFromAHandler(t *testing.T) {
	s := startServer(t, server.Options{})
	owner := connect(t, "owner", agent.InProcess(s))
	pub, err := agent.Publish(testContext(t), owner, things)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		publish(t, pub, fmt.Sprint("k", i), Thing{N: i})
	}
	reader := connect(t, "reader", agent.InProcess(s))
	var first, second *agent.Subscription[Thing]
	calls := newScribe()
	late := newScribe()
	handlers := calls.handlers()
	handlers.Create = func(context.Context, string, Thing) error {
		second.Close()
		first.Close()
		return calls.write("", "closed both")
	}
	if first, err = agent.Subscribe(testContext(t), reader, things, handlers); err != nil {
		t.Fatal(err)
	}
	if second, err = agent.Subscribe(testContext(t), reader, things, late.handlers()); err != nil {
		t.Fatal(err)
	}
	run(t, reader)
	calls.until(t, "closed", has("closed both"))
	closedAt := len(late.all())
	done := make(chan struct{})
	publish(t, pub, "more", Thing{N: 1})
	if err := reader.Do("later", func(context.Context) { close(done) }); err != nil {
		t.Fatal(err)
	}
	<-done
	if n := len(late.all()); n != closedAt {
		t.Errorf("%d calls after Close: %q", n-closedAt, late.all())
	}
	calls.wrote(t, "closed both")
}

func TestRunAndClose(t *testing.T) {
	s := startServer(t, server.Options{})
	a := connect(t, "owner", agent.InProcess(s))
	ctx, cancel := context.WithCancel(context.Background())
	inside := make(chan struct{})
	if err := a.Do("first", func(context.Context) { close(inside) }); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	<-inside
	if err := a.Run(ctx); err == nil {
		t.Error("it runs twice")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	a.Close()
	a.Close()
	if err := a.Run(context.Background()); !errors.Is(err, agent.ErrClosed) {
		t.Errorf("Run: %v, want ErrClosed", err)
	}
	if err := a.Do("late", func(context.Context) {}); !errors.Is(err, agent.ErrClosed) {
		t.Errorf("Do: %v, want ErrClosed", err)
	}
	if err := agent.On(a, "late", make(chan int), func(context.Context, int) {}); !errors.Is(err, agent.ErrClosed) {
		t.Errorf("On: %v, want ErrClosed", err)
	}
	if _, err := agent.Subscribe(testContext(t), a, things, agent.Handlers[Thing]{}); err == nil {
		t.Error("Subscribe on a closed agent")
	}
	// Close ends a loop, also from within.
	b := connect(t, "other", agent.InProcess(s))
	if err := b.Do("close", func(context.Context) { b.Close() }); err != nil {
		t.Fatal(err)
	}
	if err := b.Run(context.Background()); err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestAnObserverSeesEveryCall(t *testing.T) {
	var seen []string // by the loop only
	values := map[string]bool{}
	silent := logrus.New()
	silent.SetOutput(io.Discard)
	done := make(chan struct{})
	pub, _, calls := pair(t, agent.Logger(silent), agent.Observer(func(c agent.Call) {
		text := fmt.Sprint(c.Op, " ", c.Key, " ", c.Err != nil)
		if len(seen) == 0 || seen[len(seen)-1] != text {
			seen = append(seen, text)
		}
		values[string(c.Value)] = true
		if c.Table != things.String() {
			t.Errorf("table %s", c.Table)
		}
		if c.Op == "restarted" {
			close(done)
		}
	}))
	calls.breaks("create k", true)
	publish(t, pub, "k", Thing{N: 1})
	calls.until(t, "a try", has("create k 1"))
	calls.breaks("create k", false)
	calls.until(t, "another", func(all []string) bool { return count(all, "create k 1") > 1 })
	unpublish(t, pub, "k")
	calls.until(t, "gone", has("delete k 1"))
	if err := pub.Restarted(testContext(t)); err != nil {
		t.Fatal(err)
	}
	<-done
	want := []string{"synchronized  false", "create k true", "create k false", "delete k false", "restarted  false"}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("observed (-want +got):\n%s", diff)
	}
	if !values[`{"N":1}`] {
		t.Errorf("values %v", values)
	}
}
