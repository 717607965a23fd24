package guarantees

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// G13 acknowledged is visible. What a Publish acknowledged, every later Get,
// snapshot and subscription sees, also when the publisher has exited meanwhile.

// TestG13Acknowledged reads by every way, at once after each acknowledgement, on
// connections of its own.
func TestG13Acknowledged(t *testing.T) {
	for _, kind := range []agent.Table[Item]{items(), durableItems()} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.start()
			proxy := testutil.NewProxy(t, p.socket)
			pub := owner(t, proxy.URL(), kind)
			ctx := testContext(t)
			getting, listing, subscribing := p.raw(t), p.raw(t), p.raw(t)
			for i := range 120 {
				k := key(i % 5)
				if i%30 == 29 {
					proxy.Cut()
				}
				gone := i%7 == 6
				if gone {
					if err := pub.Unpublish(ctx, k); err != nil && !errors.Is(err, client.ErrNotFound) {
						continue
					}
				} else {
					publish(t, pub, k, Item{N: i})
				}
				e, err := getting.Get(ctx, wire.Path{Table: kind.Name(), Key: k})
				var v Item
				if err == nil {
					err = json.Unmarshal(e.Value, &v)
				}
				if gone != errors.Is(err, client.ErrNotFound) || !gone && v.N != i {
					t.Fatalf("change %d of %s (gone: %t): a get finds %d, %v", i, k, gone, v.N, err)
				}
				if found, there := table(t, listing, kind.Name())[k]; there == gone || found.N != v.N {
					t.Fatalf("change %d of %s (gone: %t): a snapshot finds %d", i, k, gone, found.N)
				}
				if i%10 == 0 {
					expectFirst(t, subscribing, kind.Name(), k, v, gone)
				}
			}
		})
	}
}

// expectFirst subscribes anew; the first that is told of the key is the newest.
func expectFirst(t *testing.T, c *client.Client, name wire.Table, key string, want Item, gone bool) {
	t.Helper()
	sub, err := c.Subscribe(name.String())
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	for {
		change, ok := sub.Next()
		switch {
		case !ok:
			if err := sub.Wait(testContext(t)); err != nil {
				t.Fatal(err)
			}
		case change.Op == client.Put && change.Key == key:
			var v Item
			if err := json.Unmarshal(change.Value, &v); err != nil || gone || v != want {
				t.Errorf("a new subscription is told %s is %d, %v; it is %d, gone: %t", key, v.N, err, want.N, gone)
			}
			return
		case change.Op == client.Synchronized:
			if !gone {
				t.Errorf("a new subscription is synchronized without %s", key)
			}
			return
		}
	}
}

const envPublisher = "NKV_TEST_PUBLISHER"

// TestG13Publisher is no test: it is the process that TestG13AcknowledgedExit
// starts, which publishes one value and is gone the instant it is acknowledged.
func TestG13Publisher(t *testing.T) {
	text := os.Getenv(envPublisher)
	if text == "" {
		t.Skip("it is the process that another test starts")
	}
	var url string
	var n int
	if _, err := fmt.Sscanf(text, "%d %s", &n, &url); err != nil {
		t.Fatal(err)
	}
	pub := owner(t, url, items())
	for i := range 20 {
		if err := pub.Publish(testContext(t), key(i), Item{N: n}); err != nil {
			os.Exit(3)
		}
	}
	os.Exit(0)
}

func TestG13AcknowledgedExit(t *testing.T) {
	p := newPlace(t)
	p.grace = time.Millisecond
	process := p.run()
	r := newReader(t, p.url(), items(), "reader", readerOptions{})
	for n := 1; n <= 4; n++ {
		cmd := exec.Command(os.Args[0], "-test.run=^TestG13Publisher$")
		cmd.Env = append(os.Environ(), envPublisher+"="+strconv.Itoa(n)+" "+p.url())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("the publisher: %v\n%s", err, out)
		}
		if n%2 == 0 { // and the server, at once
			process.Kill()
			process = p.run()
		}
		found := table(t, p.raw(t), items().Name())
		for i := range 20 {
			if found[key(i)].N != n {
				t.Errorf("%s is %d; %d was acknowledged", key(i), found[key(i)].N, n)
			}
		}
		awaitView(t, r, found)
	}
}

// TestG13AcknowledgedInOrder has readers ask while many writers write: what one
// was told is acknowledged, another never finds older.
func TestG13AcknowledgedInOrder(t *testing.T) {
	p := newPlace(t)
	p.start()
	name := wire.Table{Agent: "owner", Topic: "Raw"}
	ctx, cancel := context.WithTimeout(testContext(t), 20*time.Second)
	defer cancel()
	var mu sync.Mutex // guards acked
	acked := map[string]uint64{}
	var writing, reading sync.WaitGroup
	done := make(chan struct{})
	for w := range 4 {
		c := p.raw(t)
		writing.Go(func() {
			for i := range 200 {
				k := fmt.Sprint("k", (w+i)%3)
				revision, err := c.Put(ctx, wire.Path{Table: name, Key: k}, fmt.Appendf(nil, "%d %d", w, i))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acked[k] = max(acked[k], revision)
				mu.Unlock()
			}
		})
	}
	for range 2 {
		c := p.raw(t)
		reading.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				for _, k := range []string{"k0", "k1", "k2"} {
					mu.Lock()
					at := acked[k]
					mu.Unlock()
					e, err := c.Get(ctx, wire.Path{Table: name, Key: k})
					if at > 0 && (err != nil || e.Revision < at) {
						t.Errorf("%s: revision %d was acknowledged, a get finds %d, %v", k, at, e.Revision, err)
					}
				}
			}
		})
	}
	writing.Wait()
	close(done)
	reading.Wait()
}
