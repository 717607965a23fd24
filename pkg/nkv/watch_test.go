package nkv

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// ownersTold collects what WatchOwners tells, as words.
type ownersTold struct {
	mu    sync.Mutex // guards words
	words []string
}

func (o *ownersTold) tell(info Info) {
	o.mu.Lock()
	defer o.mu.Unlock()
	word := info.Table + " nobody"
	if info.Owner != nil {
		word = fmt.Sprintf("%s %s connected %t durable %t", info.Table, info.Owner.Instance.ID, info.Owner.Connected, info.Durable)
	}
	o.words = append(o.words, word)
}

// says compares what was told since the last call.
func (o *ownersTold) says(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	if diff := cmp.Diff(want, o.words); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	o.words = nil
}

func TestWhoOwnsATableIsTold(t *testing.T) {
	for _, lane := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, func(o *Options) { o.OwnerGrace = 10 * time.Second })
			defer b.Close()
			b.Connected("i")
			first := open("t", "i")
			first.Durable = lane
			b.must(first)
			b.must(put("free", "k", "v")) // nobody ever owned it

			told := &ownersTold{}
			b.WatchOwners(told.tell)
			there := fmt.Sprintf("t i connected true durable %t", lane)
			gone := fmt.Sprintf("t i connected false durable %t", lane)
			told.says(t, there)

			opened := b.must(first)
			told.says(t, there)
			b.must(under(opened.Fence, put("t", "k", "v")))
			b.must(under(opened.Fence, Request{Op: OpMark, Table: "t", Restart: 1}))
			told.says(t) // what is no change of ownership is not told
			b.Connected("i")
			b.Disconnected("i")
			told.says(t)
			b.Disconnected("i")
			told.says(t, gone)
			b.Connected("i")
			told.says(t, there)
			b.Connected("j")
			b.fails(open("t", "j"), ErrTableOwned)
			told.says(t)

			moved := first // the other lane
			moved.Durable = !lane
			opened = b.must(moved)
			told.says(t, fmt.Sprintf("t i connected true durable %t", !lane))
			b.must(Request{Op: OpClose, Table: "t", Fence: opened.Fence})
			told.says(t, "t nobody")
			b.must(first)
			told.says(t, there)
			b.Disconnected("i")
			told.says(t, gone)
			time.Sleep(10*time.Second + time.Millisecond)
			told.says(t, "t nobody")

			b.WatchOwners(nil)
			b.must(first)
			told.says(t)
		})
	}
}

// A close and a new opening in one batch are told as they end.
func TestOwnersOfABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer b.Close()
		b.Connected("i")
		b.Connected("j")
		told := &ownersTold{}
		b.WatchOwners(told.tell)
		opened := b.must(open("t", "i"))
		told.says(t, "t i connected true durable false")
		release := b.hold()
		b.submit(Request{Op: OpClose, Table: "t", Fence: opened.Fence})
		second := b.submit(open("t", "j"))
		release()
		if r := <-second; r.Err != nil {
			t.Fatal(r.Err)
		}
		told.says(t, "t j connected true durable false")
	})
}
