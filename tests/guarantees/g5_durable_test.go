package guarantees

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
)

// G5 durable. A change of a durable table that was answered with success survives
// `kill -9` and power loss at any instant. One that was refused did not happen;
// one that timed out or was answered 503 "unknown" happened entirely or not at
// all. After a failed sync the lane stops until it is reloaded from disk.
//
// Kills, power loss and broken disks are tests/crash's; here is what an owner sees
// of a kill.

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
