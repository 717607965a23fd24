package nkv

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkv/nkv/pkg/store"
)

func TestFences(t *testing.T) {
	for _, lane := range []bool{false, true} {
		b := newBench(t)
		opening := open("t", "i")
		opening.Durable = lane
		b.Connected("i")
		b.Connected("j")
		first := b.must(opening)
		if first.Fence != first.Revision || first.Info.Fence != first.Fence || !first.Info.Opened || first.Info.Durable != lane || first.Info.Owner == nil || !first.Info.Owner.Connected {
			t.Errorf("opening %+v, owner %+v", first, first.Info.Owner)
		}
		b.must(under(first.Fence, put("t", "k", "1")))
		b.fails(put("t", "k", "2"), ErrTableOwned)
		b.fails(under(first.Fence+1, put("t", "k", "2")), ErrFence)
		b.fails(under(1<<52, put("t", "k", "2")), ErrFence)
		b.fails(Request{Op: OpDelete, Table: "t", Key: "k"}, ErrTableOwned)
		b.fails(Request{Op: OpClear, Table: "t"}, ErrTableOwned)
		b.fails(under(1, put("none", "k", "1")), ErrFence)

		second := b.must(opening) // the same instance may always reclaim
		if second.Fence <= first.Fence {
			t.Errorf("fences %d, then %d", first.Fence, second.Fence)
		}
		b.fails(under(first.Fence, put("t", "k", "2")), ErrFence)
		b.fails(under(first.Fence, Request{Op: OpDelete, Table: "t", Key: "k"}), ErrFence)
		b.fails(under(first.Fence, Request{Op: OpClear, Table: "t"}), ErrFence)
		b.fails(under(first.Fence, Request{Op: OpMark, Table: "t", Restart: 1}), ErrFence)
		b.fails(under(first.Fence, Request{Op: OpClose, Table: "t"}), ErrFence)
		b.fails(Request{Op: OpClose, Table: "t"}, ErrFence)
		b.fails(Request{Op: OpClose, Table: "none"}, ErrNotFound)

		other := open("t", "j")
		other.Durable = lane
		var owned *OwnedError
		if got := b.fails(other, ErrTableOwned); !errors.As(got.Err, &owned) || owned.RetryAfter != 0 || !owned.Owner.Connected || !strings.Contains(owned.Error(), "agent agent") {
			t.Errorf("%#v", owned)
		}
		forced := other
		forced.Force = true
		third := b.must(forced)
		b.fails(under(second.Fence, put("t", "k", "2")), ErrFence)
		b.must(under(third.Fence, put("t", "k", "3")))
		b.must(Request{Op: OpClose, Table: "t", Fence: third.Fence})
		b.fails(under(third.Fence, put("t", "k", "4")), ErrFence)
		b.fails(Request{Op: OpClose, Table: "t", Fence: third.Fence}, ErrFence)
		b.must(put("t", "k", "5")) // nobody owns it
		b.must(opening)
		b.has("t", map[string]string{"k": "5"})
		b.replay()
	}
}

func TestOwnersGrace(t *testing.T) {
	for _, lane := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, func(o *Options) { o.OwnerGrace = 10 * time.Second })
			defer b.Close()
			mine, other := open("t", "i"), open("t", "j")
			mine.Durable, other.Durable = lane, lane
			b.Connected("i")
			b.Connected("i") // it reconnects before the old connection is known to be gone
			opened := b.must(mine)
			b.Disconnected("i")
			time.Sleep(time.Minute)
			b.fails(other, ErrTableOwned)
			b.must(under(opened.Fence, put("t", "k", "1")))

			b.Disconnected("i")
			time.Sleep(4 * time.Second)
			var owned *OwnedError
			if got := b.fails(other, ErrTableOwned); !errors.As(got.Err, &owned) || owned.RetryAfter != 6*time.Second || owned.Owner.Connected {
				t.Errorf("%+v", owned)
			}
			b.fails(put("t", "k", "2"), ErrTableOwned)
			b.Connected("i") // back within its grace
			time.Sleep(time.Minute)
			b.must(under(opened.Fence, put("t", "k", "2")))
			b.fails(other, ErrTableOwned)

			b.Disconnected("i")
			time.Sleep(10*time.Second + time.Millisecond)
			synctest.Wait()
			marks := b.of("t")
			if last := marks[len(marks)-1]; last.Op != EventMark || last.Info.Owner != nil {
				t.Errorf("the end of the grace is not told; the last event is %+v", last)
			}
			b.fails(under(opened.Fence, put("t", "k", "3")), ErrFence)
			b.must(put("t", "k", "3"))
			b.must(other)
			if lane != b.must(Request{Op: OpTables}).Infos[0].Durable {
				t.Error("the table changed its durability")
			}
			b.replay()
		})
	}
}

func TestOpeningWithoutConnectionHasAGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer b.Close()
		b.must(open("t", "i")) // its connection is gone when the core gets to it
		var owned *OwnedError
		if got := b.fails(open("t", "j"), ErrTableOwned); !errors.As(got.Err, &owned) || owned.RetryAfter != DefaultOwnerGrace {
			t.Errorf("%+v", owned)
		}
		time.Sleep(DefaultOwnerGrace + time.Millisecond)
		b.must(open("t", "j"))
	})
}

// A release that the store refuses is tried again, and the table is never
// nobody's and somebody's at once.
func TestReleaseIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer b.Close()
		b.Connected("i")
		opened := b.must(durable(open("t", "i")))
		b.durable.on(func([]store.Op) error { return refused() })
		b.Disconnected("i")
		time.Sleep(3 * DefaultOwnerGrace)
		if n := b.durable.commits(); n > 8 {
			t.Errorf("%d commits in three graces", n)
		}
		b.durable.on(nil)
		time.Sleep(2 * DefaultOwnerGrace)
		b.fails(under(opened.Fence, put("t", "k", "3")), ErrFence)
		b.must(durable(open("t", "j")))
		b.replay()
	})
}

func TestOwnersKeepTheirClaimOverARestart(t *testing.T) {
	for _, lane := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t)
			mine, other := open("t", "i"), open("t", "j")
			mine.Durable, other.Durable = lane, lane
			b.Connected("i")
			opened := b.must(mine)
			b.must(under(opened.Fence, put("t", "k", "1")))
			b.restart()
			defer b.Close()
			time.Sleep(time.Second)
			var owned *OwnedError
			if got := b.fails(other, ErrTableOwned); !errors.As(got.Err, &owned) || owned.RetryAfter != DefaultOwnerGrace-time.Second {
				t.Errorf("%+v", owned)
			}
			b.Connected("i")
			b.must(under(opened.Fence, put("t", "k", "2")))
			b.must(mine)
			time.Sleep(time.Minute)
			b.fails(other, ErrTableOwned)
			b.restart()
			defer b.Close()
			time.Sleep(DefaultOwnerGrace + time.Millisecond)
			b.must(other)
			b.has("t", map[string]string{"k": "2"})
		})
	}
}

// While the server starts, no grace ends; then it lasts its whole length.
func TestHeldGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(o *Options) { o.OwnerGrace, o.HoldGrace = 10*time.Second, true })
		defer b.Close()
		b.Connected("i")
		opened := b.must(open("t", "i"))
		b.Disconnected("i")
		time.Sleep(time.Minute)
		b.must(under(opened.Fence, put("t", "k", "1")))
		b.fails(open("t", "j"), ErrTableOwned)
		b.StartGrace()
		time.Sleep(10*time.Second - time.Millisecond)
		b.fails(open("t", "j"), ErrTableOwned)
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		b.must(put("t", "k", "2"))
		b.must(open("t", "j"))
	})
}
