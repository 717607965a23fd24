package guarantees

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// Bad input: a clear typed error, nothing lost, nothing half done.

func TestBadInputValueTooLarge(t *testing.T) {
	p := newPlace(t)
	p.maxValue = 5000
	p.start()
	pub := owner(t, p.url(), items())
	ctx := testContext(t)
	const frame = len(`{"N":1,"Text":""}`)
	fits, over := strings.Repeat("x", p.maxValue-frame), strings.Repeat("x", p.maxValue-frame+1)
	if err := pub.Publish(ctx, "k", Item{1, fits}); err != nil {
		t.Fatalf("a value at the limit: %v", err)
	}
	r := newReader(t, p.url(), items(), "reader", readerOptions{})
	want := map[string]Item{"k": {1, fits}}
	awaitView(t, r, want)
	for _, k := range []string{"k", "new"} {
		err := pub.Publish(ctx, k, Item{1, over})
		if !errors.Is(err, agent.ErrTooLarge) || !strings.Contains(err.Error(), "5000") || !strings.Contains(err.Error(), "5001") {
			t.Errorf("a value over the limit: %v", err)
		}
	}
	if v, ok := pub.Get("k"); !ok || v.Text != fits {
		t.Error("the value before is not what is published any more")
	}
	if _, ok := pub.Get("new"); ok || pub.Len() != 1 {
		t.Error("a refused value counts as published")
	}
	if diff := cmp.Diff(want, table(t, p.raw(t), items().Name())); diff != "" {
		t.Errorf("the table changed (-want +got):\n%s", diff)
	}
	publish(t, pub, "k", Item{2, "small"})
	awaitView(t, r, map[string]Item{"k": {2, "small"}})
}

// TestBadInputValueTooLargeUnknown publishes before the limit is known.
func TestBadInputValueTooLargeUnknown(t *testing.T) {
	p := newPlace(t)
	p.maxValue = 5000
	p.start()
	c := p.raw(t)
	_, err := c.Put(testContext(t), wire.Path{Table: items().Name(), Key: "k"}, make([]byte, 20<<20))
	if !errors.Is(err, client.ErrTooLarge) {
		t.Errorf("a value far over the limit: %v", err)
	}
	if err := c.Connected(); err != nil {
		t.Errorf("it cost the connection: %v", err)
	}
}

func TestBadInputKeys(t *testing.T) {
	p := newPlace(t)
	p.start()
	pub := owner(t, p.url(), items())
	ctx := testContext(t)
	r := newReader(t, p.url(), items(), "reader", readerOptions{})
	good := []string{
		strings.Repeat("k", 255), strings.Repeat(".", 255), strings.Repeat("\u00e9", 127), "a.b.c", " ", "a b", "*", ">", "$mark", "%24mark", "%", "%2", "a/b",
		"\u00fcml\u00e4ut", "\u65e5\u672c", "\U0001F600", "\x00", "\r\n", "\u2028", "@", "a@b", "_INBOX.x", "nkv.v1.event", "..", ".", "-", "A", "a",
	}
	for i, k := range good {
		if err := pub.Publish(ctx, k, Item{N: i + 1}); err != nil {
			t.Errorf("key %q: %v", k, err)
		}
	}
	for _, k := range []string{"", strings.Repeat("k", 256), strings.Repeat("\u00e9", 128), "\xff", "a\xc3", strings.Repeat("k", 100_000)} {
		if err := pub.Publish(ctx, k, Item{N: 1}); !errors.Is(err, agent.ErrInvalid) {
			t.Errorf("key %.20q: %v", k, err)
		}
		if err := pub.Unpublish(ctx, k); !errors.Is(err, agent.ErrInvalid) {
			t.Errorf("unpublish key %.20q: %v", k, err)
		}
	}
	want := map[string]Item{}
	for i, k := range good {
		want[k] = Item{N: i + 1}
	}
	if diff := cmp.Diff(want, table(t, p.raw(t), items().Name())); diff != "" {
		t.Errorf("the table (-want +got):\n%s", diff)
	}
	awaitView(t, r, want)
	for _, k := range good {
		if err := pub.Unpublish(ctx, k); err != nil {
			t.Errorf("unpublish key %q: %v", k, err)
		}
	}
	awaitView(t, r, map[string]Item{})
}

// TestBadInputUndecodable puts what is no Item.
func TestBadInputUndecodable(t *testing.T) {
	p := newPlace(t)
	p.start()
	c, ctx := p.raw(t), testContext(t)
	proxy := testutil.NewProxy(t, p.socket)
	r := newReader(t, proxy.URL(), items(), "reader", readerOptions{})
	put := func(k, text string) {
		t.Helper()
		if _, err := c.Put(ctx, wire.Path{Table: items().Name(), Key: k}, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	errorsAre := func(n uint64) {
		t.Helper()
		testutil.Await(t, settled, "errors are counted", func() bool { return r.sub.Errors() >= n })
		if got := r.sub.Errors(); got != n {
			t.Errorf("%d errors were counted, want %d", got, n)
		}
	}
	put("k", `{"N":1}`)
	put("new", `[`)
	errorsAre(1)
	awaitView(t, r, map[string]Item{"k": {N: 1}})
	for i, bad := range []string{`{"N":"one"}`, ``, `{`, `[1]`, `"x"`, `{"N":1.5}`, `{"N":99999999999999999999}`} {
		put("k", bad)
		errorsAre(uint64(2 + i))
	}
	awaitView(t, r, map[string]Item{"k": {N: 1}})
	proxy.Cut() // what was bad is not read again
	put("other", `{"N":2}`)
	awaitView(t, r, map[string]Item{"k": {N: 1}, "other": {N: 2}})
	errorsAre(8)
	put("k", `{"N":3}`)
	put("new", `{"N":4}`)
	awaitView(t, r, map[string]Item{"k": {N: 3}, "new": {N: 4}, "other": {N: 2}})
	put("k", `{`)
	errorsAre(9)
	if _, err := c.Delete(ctx, wire.Path{Table: items().Name(), Key: "k"}); err != nil {
		t.Fatal(err)
	}
	awaitView(t, r, map[string]Item{"new": {N: 4}, "other": {N: 2}})
}

func TestBadInputOwners(t *testing.T) {
	p := newPlace(t)
	p.start()
	ctx := testContext(t)
	stranger, err := agent.Connect(ctx, "stranger", agent.URL(p.url()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stranger.Close)
	if _, err := agent.Publish(ctx, stranger, items()); !errors.Is(err, agent.ErrNotOwner) || !strings.Contains(err.Error(), "owner") || !strings.Contains(err.Error(), "stranger") {
		t.Errorf("a stranger publishes: %v", err)
	}
	if _, err := stranger.Client().Open(ctx, items().Name()); !errors.Is(err, client.ErrForbidden) {
		t.Errorf("a stranger opens: %v", err)
	}
	if tables, err := p.raw(t).Tables(ctx, ""); err != nil || len(tables) != 0 {
		t.Errorf("there are tables now: %v, %v", tables, err)
	}
	type refused struct{ F func() }
	if _, err := agent.Subscribe(ctx, stranger, agent.Table[refused]{Owner: "owner"}, agent.Handlers[refused]{}); !errors.Is(err, agent.ErrType) || !strings.Contains(err.Error(), "F") {
		t.Errorf("a type that can't be shared: %v", err)
	}
	if err := context.Cause(ctx); err != nil {
		t.Error(err)
	}
}
