package guarantees

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// G6 atomic. Nobody ever sees half a value or half a batch.

// generation is the text of a value: one letter, as often as its size, so that
// half of one or a mixture of two shows.
func generation(g, size int) string { return strings.Repeat(string(rune('a'+g%26)), size) }

func whole(text string) bool {
	return text == "" || strings.Count(text, text[:1]) == len(text)
}

// TestG6Atomic deletes all keys of a table at once, again and again, while others
// read: by snapshots, which take several pages, by gets, and by handlers.
func TestG6Atomic(t *testing.T) {
	const keys, size = 100, 4000 // several pages
	for _, durable := range []bool{false, true} {
		t.Run(fmt.Sprint("durable ", durable), func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.start()
			name := wire.Table{Agent: "owner", Topic: "Batch"}
			c, reading := p.raw(t), p.raw(t)
			ctx, cancel := context.WithCancel(testContext(t))
			defer cancel()
			var readers sync.WaitGroup
			snapshots := 0
			readers.Go(func() {
				for ctx.Err() == nil {
					_, entries, err := reading.Snapshot(ctx, name)
					if err != nil {
						continue
					}
					snapshots++
					checkGeneration(t, entries, size)
				}
			})
			a, err := agent.Connect(ctx, "handler", agent.URL(p.url()))
			if err != nil {
				t.Fatal(err)
			}
			half := 0
			if _, err := agent.Subscribe(ctx, a, agent.Table[Item]{Owner: "owner", Topic: "Batch"}, agent.Handlers[Item]{
				Modify: func(_ context.Context, key string, v, old Item) error {
					if !whole(v.Text) || len(v.Text) != size {
						t.Errorf("%s is half a value", key)
					}
					return nil
				},
				Delete: func(_ context.Context, deleted string, old Item) error {
					// Whoever hears of one deletion finds all of them done.
					for _, k := range []string{batchKey(0), batchKey(keys / 2), batchKey(keys - 1)} {
						e, err := a.Client().Get(ctx, wire.Path{Table: name, Key: k})
						var v Item
						if err == nil && json.Unmarshal(e.Value, &v) == nil && v.N == old.N {
							half++
						}
					}
					return nil
				},
			}); err != nil {
				t.Fatal(err)
			}
			var running sync.WaitGroup
			running.Go(func() {
				if err := a.Run(ctx); err != nil {
					t.Error(err)
				}
			})
			generations := 6
			if raced {
				generations = 3
			}
			for g := range generations {
				fill(t, c, name, g, keys, size, durable)
				n, err := c.Clear(testContext(t), name)
				if err != nil || n != keys {
					t.Fatalf("a clear of %d keys: %d, %v", keys, n, err)
				}
			}
			testutil.Await(t, settled, "snapshots were read", func() bool { _, _, err := c.Snapshot(testContext(t), name); return err == nil })
			cancel()
			readers.Wait()
			running.Wait()
			if snapshots == 0 || half > 0 {
				t.Errorf("%d snapshots; half a batch was seen %d times", snapshots, half)
			}
		})
	}
}

func batchKey(i int) string { return fmt.Sprintf("%04d", i) }

func fill(t testing.TB, c *client.Client, name wire.Table, g, keys, size int, durable bool) {
	t.Helper()
	var option client.ChangeOption = func(wire.Header) {}
	if durable {
		option = client.Durable()
	}
	for i := range keys {
		value := fmt.Sprintf(`{"N":%d,"Text":%q}`, g, generation(g, size))
		if _, err := c.Put(testContext(t), wire.Path{Table: name, Key: batchKey(i)}, []byte(value), option); err != nil {
			t.Fatal(err)
		}
	}
}

// checkGeneration holds a snapshot against what can be: keys are filled in
// order, in one generation, and deleted all at once.
func checkGeneration(t testing.TB, entries []client.Entry, size int) {
	for i, e := range entries {
		if e.Path.Key != batchKey(i) {
			t.Errorf("a snapshot has %s in the place of %s: half a batch", e.Path.Key, batchKey(i))
			return
		}
		if string(e.Value) != string(entries[0].Value) {
			t.Errorf("a snapshot has two generations, at %s", e.Path.Key)
			return
		}
		if len(e.Value) < size {
			t.Errorf("a snapshot has half a value, at %s", e.Path.Key)
			return
		}
	}
}

// TestG6AtomicKill kills the server while it deletes many keys at once: all are
// there after that, or none.
func TestG6AtomicKill(t *testing.T) {
	const keys = 150
	random := testutil.Rand(t)
	for _, durable := range []bool{true, false} {
		p := newPlace(t)
		name := wire.Table{Agent: "owner", Topic: "Batch"}
		all, none := 0, 0
		for g := range 8 {
			process := p.run()
			c := p.raw(t)
			if n, err := c.Clear(testContext(t), name); err != nil && g > 0 && n > 0 {
				t.Fatal(err)
			}
			fill(t, c, name, g, keys, 10, durable)
			cleared, begin := make(chan error, 1), make(chan struct{})
			go func() {
				<-begin
				_, err := c.Clear(context.Background(), name)
				cleared <- err
			}()
			close(begin)
			time.Sleep(time.Duration(random.IntN(400)) * time.Microsecond) // the instant to be hit, not a condition
			process.Kill()
			err := <-cleared
			c.Close()
			p.run()
			c = p.raw(t)
			_, entries, readErr := c.Snapshot(testContext(t), name)
			if readErr != nil {
				t.Fatal(readErr)
			}
			switch len(entries) {
			case keys:
				if all++; err == nil {
					t.Error("an acknowledged delete of all keys did not happen")
				}
			case 0:
				none++
			default:
				t.Errorf("after a kill %d of %d keys are there: half a batch", len(entries), keys)
			}
			c.Close()
			p.stop()
		}
		t.Logf("durable %t: %d times all, %d times none", durable, all, none)
	}
}
