package guarantees

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// G5 durable. A change of a durable table that was answered with success survives
// `kill -9` and power loss at any instant. One that was refused did not happen;
// one that timed out or was answered 503 "unknown" happened entirely or not at
// all. After a failed sync the lane stops until it is reloaded from disk.
//
// Power loss and failed syncs are the stores' conformance suite's; here the
// server's process is killed.

// cell is what one writer knows of one key.
type cell struct {
	acked    int // number of the newest change that was acknowledged; 0: none
	tried    int // of the newest that was asked for
	revision uint64
}

// writer changes its own keys one after the other: number n is a put of n, or,
// when n is a multiple of 5, a delete.
type writer struct {
	id    int
	cells []cell
	n     int
}

func (w *writer) path(i int) wire.Path {
	return wire.Path{Table: wire.Table{Agent: "owner", Topic: "Durable"}, Key: fmt.Sprintf("%d.%d", w.id, i)}
}

// write writes until the server is gone.
func (w *writer) write(t *testing.T, c *client.Client, acked *atomic.Int64, stop <-chan struct{}) {
	ctx := context.Background()
	for {
		select {
		case <-stop:
			return
		default:
		}
		w.n++
		i := w.n % len(w.cells)
		k := &w.cells[i]
		n := k.tried + 1
		k.tried = n
		var revision uint64
		var err error
		if n%5 == 0 {
			revision, err = c.Delete(ctx, w.path(i))
			if errors.Is(err, client.ErrNotFound) { // the put before it was not acknowledged, and did not happen
				if k.acked == n-1 {
					t.Errorf("%s: number %d was acknowledged and is not found", w.path(i), k.acked)
				}
				k.acked = n
				continue
			}
		} else {
			// What is refused must not happen: it would be found.
			if _, err := c.Put(ctx, w.path(i), []byte("refused"), client.ExpectRevision(1<<52)); err == nil {
				t.Errorf("%s: a put that expects another revision was taken", w.path(i))
			}
			revision, err = c.Put(ctx, w.path(i), []byte(strconv.Itoa(n)+strings.Repeat(" ", w.n%2000)), client.Durable())
		}
		switch {
		case err == nil:
			if revision <= k.revision {
				t.Errorf("%s: revision %d came after %d", w.path(i), revision, k.revision)
			}
			k.acked, k.revision = n, revision
			acked.Add(1)
		case errors.Is(err, client.ErrUnconfirmed), errors.Is(err, client.ErrDisconnected):
			return
		default:
			t.Errorf("%s: %v", w.path(i), err)
			return
		}
	}
}

// verify holds what the server has now against what the writer knows.
func (w *writer) verify(t *testing.T, found map[string]client.Entry) {
	t.Helper()
	for i := range w.cells {
		k := &w.cells[i]
		e, there := found[w.path(i).Key]
		n := 0
		if there {
			var err error
			if n, err = strconv.Atoi(strings.TrimRight(string(e.Value), " ")); err != nil {
				t.Errorf("%s holds %q, which was refused", w.path(i), e.Value)
				continue
			}
			if e.Revision < k.revision {
				t.Errorf("%s has revision %d; %d was acknowledged", w.path(i), e.Revision, k.revision)
			}
		}
		switch {
		case there && (n < k.acked || n > k.tried):
			t.Errorf("%s is number %d; %d was acknowledged, %d was tried", w.path(i), n, k.acked, k.tried)
		case !there && k.acked != 0 && k.acked%5 != 0 && (k.tried == k.acked || k.tried%5 != 0):
			t.Errorf("%s is not there; number %d was acknowledged, %d was tried", w.path(i), k.acked, k.tried)
		}
		if there {
			k.acked, k.revision = n, e.Revision
		} else {
			k.acked = k.tried / 5 * 5
		}
		k.tried = max(k.acked, k.tried/5*5+4) // begin with a delete or a put beyond all that was tried
		if k.tried%5 == 4 && !there {
			k.tried++
		}
	}
}

// TestG5Durable kills the real server program at random instants under many
// writers.
func TestG5Durable(t *testing.T) {
	rounds := 20
	if long() {
		rounds = 300
	}
	random := seeded(t)
	p := newPlace(t)
	p.program = testutil.Build(t, "cmd/nkv-server")
	writers := make([]*writer, 8)
	for i := range writers {
		writers[i] = &writer{id: i, cells: make([]cell, 1+i*3)}
	}
	total := 0
	var head uint64
	for range rounds {
		process := p.run()
		stop := make(chan struct{})
		var acked atomic.Int64
		var writing sync.WaitGroup
		var clients []*client.Client
		for _, w := range writers {
			c := p.raw(t, client.Timeout(5*time.Second))
			clients = append(clients, c)
			writing.Go(func() { w.write(t, c, &acked, stop) })
		}
		goal := int64(random.IntN(200))
		testutil.Await(t, 20*time.Second, "changes are acknowledged", func() bool { return acked.Load() >= goal })
		process.Kill()
		close(stop)
		writing.Wait()
		for _, c := range clients {
			c.Close()
		}
		total += int(acked.Load())

		p.run()
		c := p.raw(t)
		info, entries, err := c.Snapshot(testContext(t), wire.Table{Agent: "owner", Topic: "Durable"})
		if err != nil {
			t.Fatal(err)
		}
		if info.Head < head || info.Keys > 0 && !info.Durable {
			t.Errorf("after a kill the table is %+v; its head was %d", info, head)
		}
		head = info.Head
		found := map[string]client.Entry{}
		for _, e := range entries {
			found[e.Path.Key] = e
		}
		for _, w := range writers {
			w.verify(t, found)
		}
		// A number that is given now is above all that were given.
		revision, err := c.Put(testContext(t), wire.Path{Table: wire.Table{Agent: "owner", Topic: "Other"}, Key: "k"}, []byte(strconv.Itoa(total)+" "+strconv.Itoa(int(head))+" "+strconv.Itoa(random.Int())))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range writers {
			for i, k := range w.cells {
				if k.revision >= revision {
					t.Errorf("%s had revision %d; after the kill %d was given", w.path(i), k.revision, revision)
				}
			}
		}
		c.Close()
		p.stop()
		if t.Failed() {
			break
		}
	}
	if total < 10*rounds {
		t.Errorf("only %d changes were acknowledged in %d rounds", total, rounds)
	}
	t.Logf("%d acknowledged changes, %d kills", total, rounds)
}

// TestG5DurableOwner kills the server under an owner, which then has what it was
// promised without doing anything, and what it still wants after that.
func TestG5DurableOwner(t *testing.T) {
	p := newPlace(t)
	process := p.run()
	pub := owner(t, p.url(), durableItems())
	acked := map[string]Item{}
	for i := range 60 {
		k := key(i % 9)
		if i%20 == 10 {
			process.Kill()
			// What is asked for while the server is gone stays wanted.
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			if err := pub.Publish(ctx, k, Item{N: i + 1000}); !errors.Is(err, client.ErrUnconfirmed) {
				t.Errorf("a publish without a server returns %v", err)
			}
			cancel()
			acked[k] = Item{N: i + 1000}
			process = p.run()
			testutil.Await(t, settled, "what was unconfirmed is sent", func() bool {
				return table(t, p.raw(t), durableItems().Name())[k] == acked[k]
			})
			continue
		}
		publish(t, pub, k, Item{N: i})
		acked[k] = Item{N: i}
		if i%7 == 3 {
			process.Kill()
			process = p.run()
		}
	}
	process.Kill()
	p.run()
	found := table(t, p.raw(t), durableItems().Name())
	for k, v := range acked {
		if found[k] != v {
			t.Errorf("%s is %d; %d was acknowledged", k, found[k].N, v.N)
		}
	}
}
