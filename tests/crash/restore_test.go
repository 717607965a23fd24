package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/backup"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/store"
	"github.com/evenkv/nkv/pkg/wire"
)

// backUp takes a backup.
func backUp(t *testing.T, c *client.Client) *backup.File {
	t.Helper()
	var out bytes.Buffer
	w, err := backup.NewWriter(&out)
	if err == nil {
		_, err = c.Backup(testContext(t), func(_ wire.BackupInfo, page []byte) error { return w.Page(page) })
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	file, err := backup.Open(bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestG6RestoreKilled kills the server program within a restore: after that all
// durable tables are as before or as restored, with the store id that goes with
// it, and volatile tables are as they were. Old files are as their tables.
func TestG6RestoreKilled(t *testing.T) {
	random := testutil.Rand(t)
	p := newPlace(t)
	p.Program = testutil.Build(t, "cmd/nkv-server")
	p.keepFiles()
	process := p.run()
	c := p.connect()
	const tables, keys = 5, 40
	fill := func(generation string) {
		t.Helper()
		for i := range tables * keys {
			path := pathOf(fmt.Sprint("T", i%tables), fmt.Sprint("k", i/tables))
			if _, err := c.Put(testContext(t), path, []byte(strings.Repeat(generation, 500)), client.Durable()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.Put(testContext(t), pathOf("Volatile", "k"), []byte(generation)); err != nil {
			t.Fatal(err)
		}
	}
	fill("old ")
	file := backUp(t, c)
	request, pages := file.Durable()
	began := time.Now()
	if _, err := c.Restore(testContext(t), request, pages); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	before, after, acknowledged := 0, 0, 0
	rounds := scaled(15, 150)
	for round := range rounds {
		generation := fmt.Sprint("new ", round, " ")
		fill(generation)
		version, err := c.Version(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		outcome := make(chan error, 1)
		go func() {
			_, err := c.Restore(t.Context(), request, pages)
			outcome <- err
		}()
		time.Sleep(time.Duration(random.Int64N(int64(2 * took)))) // the instant to be hit, not a condition
		process.Kill()
		err = <-outcome
		c.Close()
		process = p.run()
		c = p.connect()
		now, versionErr := c.Version(testContext(t))
		if versionErr != nil {
			t.Fatal(versionErr)
		}
		restored := now.Store != version.Store
		want := generation
		if restored {
			after++
			want = "old "
		} else {
			before++
		}
		if err == nil {
			acknowledged++
		}
		if err == nil && !restored || err != nil && restored && !errors.Is(err, client.ErrUnconfirmed) {
			t.Errorf("restored %t: %v", restored, err)
		}
		for i := range tables {
			_, entries, err := c.Snapshot(testContext(t), tableOf(fmt.Sprint("T", i)))
			if err != nil {
				t.Fatal(err)
			}
			values := map[string]string{}
			for _, e := range entries {
				values[e.Path.Key] = string(e.Value)
				if string(e.Value) != strings.Repeat(want, 500) {
					t.Fatalf("restored %t, and %s begins with %.20q", restored, e.Path, e.Value)
				}
			}
			compareFiles(t, p, fmt.Sprint("T", i), values)
			if len(entries) != keys {
				t.Errorf("restored %t, and %d keys", restored, len(entries))
			}
		}
		if e, err := c.Get(testContext(t), pathOf("Volatile", "k")); err != nil || string(e.Value) != generation {
			t.Errorf("restored %t, and the volatile table has %q, %v", restored, e.Value, err)
		}
	}
	c.Close()
	process.Kill()
	report(t, "%d kills within a restore: %d times as before, %d times restored, %d of these acknowledged", rounds, before, after, acknowledged)
}

// item is what the agents here publish.
type item struct{ N int }

// heard are the calls of a subscription's handlers.
type heard struct {
	mu    sync.Mutex // guards both
	calls []string
	view  map[string]item
}

func (h *heard) handlers(topic string) agent.Handlers[item] {
	note := func(op, key string, v item) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.calls = append(h.calls, fmt.Sprintf("%s %s.%s %d", op, topic, key, v.N))
		if h.view[topic+"."+key] = v; op == "delete" {
			delete(h.view, topic+"."+key)
		}
	}
	return agent.Handlers[item]{
		Create: func(_ context.Context, key string, v item) error { note("create", key, v); return nil },
		Modify: func(_ context.Context, key string, v, _ item) error { note("modify", key, v); return nil },
		Delete: func(_ context.Context, key string, v item) error { note("delete", key, v); return nil },
	}
}

// await waits until the view is as given, and returns the calls since the last time.
func (h *heard) await(t *testing.T, want map[string]item) []string {
	t.Helper()
	h.is(t, want)
	h.mu.Lock()
	defer h.mu.Unlock()
	calls := h.calls
	h.calls = nil
	return calls
}

func (h *heard) is(t *testing.T, want map[string]item) {
	t.Helper()
	if !testutil.Holds(settled, func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return maps.Equal(h.view, want)
	}) {
		h.mu.Lock()
		defer h.mu.Unlock()
		t.Fatalf("the view is %v, want %v", h.view, want)
	}
}

// TestG3Restore restores under subscriptions and owners: handlers are called for
// real differences only, and living owners' tables become what these want.
func TestG3Restore(t *testing.T) {
	p := newPlace(t)
	s := p.startHere(store.FileCalls{})
	defer s.Shutdown()
	ctx, cancel := context.WithCancel(t.Context())
	url := agent.URL("unix://" + p.Socket)
	owner, err := agent.Connect(ctx, agentName, url)
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()
	reader, err := agent.Connect(ctx, "reader", url)
	if err != nil {
		t.Fatal(err)
	}
	h := &heard{view: map[string]item{}}
	table := func(topic string, durable bool) agent.Table[item] {
		return agent.Table[item]{Owner: agentName, Topic: topic, Durable: durable}
	}
	for topic, durable := range map[string]bool{"Free": true, "Owned": true, "New": true, "Volatile": false} {
		if _, err := agent.Subscribe(ctx, reader, table(topic, durable), h.handlers(topic)); err != nil {
			t.Fatal(err)
		}
	}
	var running sync.WaitGroup
	running.Go(func() {
		if err := reader.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer running.Wait()
	defer cancel()
	c := p.connect()
	defer c.Close()
	put := func(topic, key string, n int) {
		t.Helper()
		text, _ := json.Marshal(item{n}) //nolint:errcheck // it can't fail
		if _, err := c.Put(testContext(t), pathOf(topic, key), text, client.Durable()); err != nil {
			t.Fatal(err)
		}
	}
	owned, err1 := agent.Publish(testContext(t), owner, table("Owned", true))
	volatile, err2 := agent.Publish(testContext(t), owner, table("Volatile", false))
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	publish := func(pub *agent.Publication[item], key string, n int) {
		t.Helper()
		if err := pub.Publish(testContext(t), key, item{n}); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"same", "changed", "gone"} {
		put("Free", key, 1)
	}
	publish(owned, "wanted", 1)
	publish(owned, "given up", 1)
	publish(volatile, "k", 1)
	file := backUp(t, c)

	put("Free", "changed", 2)
	put("Free", "made", 2)
	put("New", "k", 2)
	if _, err := c.Delete(testContext(t), pathOf("Free", "gone")); err != nil {
		t.Fatal(err)
	}
	publish(owned, "wanted", 2)
	if err := owned.Unpublish(testContext(t), "given up"); err != nil {
		t.Fatal(err)
	}
	publish(volatile, "k", 2)
	h.await(t, map[string]item{
		"Free.same": {1}, "Free.changed": {2}, "Free.made": {2}, "New.k": {2}, "Owned.wanted": {2}, "Volatile.k": {2},
	})

	for round := range scaled(5, 50) {
		request, pages := file.Durable()
		if _, err := c.Restore(testContext(t), request, pages); err != nil {
			t.Fatal(err)
		}
		calls := h.await(t, map[string]item{
			"Free.same": {1}, "Free.changed": {1}, "Free.gone": {1}, "Owned.wanted": {2}, "Owned.given up": {1}, "Volatile.k": {2},
		})
		calls = slices.DeleteFunc(calls, func(call string) bool { return strings.Contains(call, "Owned.wanted") }) // there and back, or not at all
		want := []string{"create Free.gone 1", "create Owned.given up 1", "delete Free.made 2", "delete New.k 2", "modify Free.changed 1"}
		if round > 0 {
			want = nil
		}
		if slices.Sort(calls); !slices.Equal(calls, want) {
			t.Errorf("round %d: the handlers were told %q, want %q", round, calls, want)
		}
	}
	// What comes now is heard, and what is acknowledged is there.
	put("Free", "same", 3)
	publish(owned, "wanted", 3)
	publish(volatile, "k", 3)
	h.await(t, map[string]item{
		"Free.same": {3}, "Free.changed": {1}, "Free.gone": {1}, "Owned.wanted": {3}, "Owned.given up": {1}, "Volatile.k": {3},
	})
	report(t, "%d restores under 4 subscriptions and 2 owners", scaled(5, 50))
}
