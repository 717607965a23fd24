package guarantees

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
)

// G12 one stream. Data, deletions and marks of a table are one ordered stream: a
// restart mark is handled after every change that its owner made before it,
// conflated or not.

// TestG12Stream has an owner publish rounds: every key gets the round's number,
// one key is deleted, then the restart counter becomes the round's number.
func TestG12Stream(t *testing.T) {
	for _, tt := range []struct {
		name  string
		slow  time.Duration
		fault func(p *place, readers, owners *testutil.Proxy, round int)
	}{
		{"undisturbed", 0, nil},
		{"a slow reader", 300 * time.Microsecond, nil},
		{"readers are cut", 0, func(_ *place, readers, _ *testutil.Proxy, round int) {
			if round%4 == 0 {
				readers.Cut()
			}
		}},
		{"a slow reader is cut", 200 * time.Microsecond, func(_ *place, readers, _ *testutil.Proxy, round int) {
			if round%3 == 0 {
				readers.Cut()
			}
		}},
		{"the owner is cut", 0, func(_ *place, _, owners *testutil.Proxy, round int) {
			if round%4 == 0 {
				owners.Cut()
			}
		}},
		{"the server restarts", 100 * time.Microsecond, func(p *place, _, _ *testutil.Proxy, round int) {
			if round%12 == 6 {
				p.stop()
				p.start()
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			const rounds, keys = 40, 12
			p := newPlace(t)
			p.start()
			readers, owners := testutil.NewProxy(t, p.socket), testutil.NewProxy(t, p.socket)
			pub, err := connect(t, owners.URL(), client.Name("owner")).Open(testContext(t), items().Name())
			if err != nil {
				t.Fatal(err)
			}
			view := map[string]int{} // of the reader's loop
			r := newReader(t, readers.URL(), items(), "reader", readerOptions{
				slow: func(string) { time.Sleep(tt.slow) },
				each: func(c call, _ *reader) {
					switch c.op {
					case "create", "modify":
						view[c.key] = c.v.N
					case "delete":
						delete(view, c.key)
					case "restarted":
						round := int(c.counter)
						for i := range keys {
							n, there := view[key(i)]
							switch {
							case there && n < round, there && n == round && i == round%keys:
								t.Errorf("at mark %d, %s is still of round %d", round, key(i), n)
							case !there && i != round%keys && !deletedSince(i, round, keys, view):
								t.Errorf("at mark %d, %s is not there", round, key(i))
							}
						}
					}
				},
			})
			ctx := testContext(t)
			// What is not acknowledged at first is asked for again: it stays wanted.
			must := func(do func(context.Context) error) {
				t.Helper()
				for err := do(ctx); err != nil; err = do(ctx) {
					if ctx.Err() != nil {
						t.Fatal(err)
					}
				}
			}
			for round := 1; round <= rounds; round++ {
				if tt.fault != nil {
					tt.fault(p, readers, owners, round)
				}
				for i := range keys {
					if i != round%keys {
						must(func(ctx context.Context) error { return pub.Put(ctx, key(i), fmt.Appendf(nil, `{"N":%d}`, round)) })
					}
				}
				must(func(ctx context.Context) error {
					if err := pub.Delete(ctx, key(round%keys)); !errors.Is(err, client.ErrNotFound) {
						return err
					}
					return nil
				})
				must(func(ctx context.Context) error { return pub.Restarted(ctx, uint64(round)) })
			}
			testutil.Await(t, settled, "the last mark is handled", func() bool { return r.sub.Restarts() == rounds })
			awaitView(t, r, table(t, p.raw(t), items().Name()))
			if r.history.count("restarted") == 0 {
				t.Error("no mark was handled")
			}
		})
	}
}

// deletedSince reports whether a key was deleted in a round after a mark's, of
// which the reader has handled something already.
func deletedSince(i, round, keys int, view map[string]int) bool {
	newest := 0
	for _, n := range view {
		newest = max(newest, n)
	}
	for later := round + 1; later <= newest; later++ {
		if later%keys == i {
			return true
		}
	}
	return false
}
