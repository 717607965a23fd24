package nkv

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkv/nkv/pkg/store"
)

// moving returns a bench with table t in the one lane, and the opening that moves
// it to the other.
func moving(t *testing.T, toDurable bool) (*bench, Request) {
	b := newBench(t)
	b.Connected("i")
	from := open("t", "i")
	from.Durable = !toDurable
	opened := b.must(from)
	b.must(under(opened.Fence, put("t", "k", "1")))
	b.must(under(opened.Fence, put("t", "l", "1")))
	b.must(under(opened.Fence, Request{Op: OpMark, Table: "t", Restart: 7}))
	from.Durable = toDurable
	return b, from
}

func TestATableMovesBetweenTheLanes(t *testing.T) {
	for _, toDurable := range []bool{false, true} {
		b, to := moving(t, toDurable)
		for range 3 {
			opened := b.must(to)
			if opened.Info.Durable != to.Durable || opened.Info.Restart != 7 || opened.Info.Keys != 2 {
				t.Errorf("%+v", opened.Info)
			}
			b.must(under(opened.Fence, put("t", "k", fmt.Sprint(opened.Fence))))
			b.replay()
			b.has("t", map[string]string{"k": fmt.Sprint(opened.Fence), "l": "1"})
			to.Durable = !to.Durable
		}
		events := b.of("t")
		for _, e := range events {
			if e.Op == EventMark && e.Info.Fence == e.Revision && e.Info.Keys == 0 && e.Revision != events[0].Revision {
				t.Errorf("%+v", e)
			}
		}
		other := open("t", "j")
		other.Durable = to.Durable
		b.fails(other, ErrTableOwned) // a refused opening moves nothing
		b.replay()
		if to.Durable {
			continue
		}
		b.boot = "next"
		b.restart()
		if infos := b.must(Request{Op: OpTables}).Infos; len(infos) != 1 {
			t.Errorf("after a reboot: %+v", infos)
		}
	}
}

func TestRequestsKeepTheirOrderOverAMove(t *testing.T) {
	b, to := moving(t, true)
	arrived, next := blocked(b.durable)
	opened := b.submit(to)
	<-arrived
	// What comes meanwhile waits, and meets the table as it is then.
	late := b.submit(put("t", "k", "2"))
	back := to
	back.Durable = false
	again := b.submit(back)
	b.must(put("v", "k", "1"))
	b.has("t", map[string]string{"k": "1", "l": "1"})
	next <- nil
	<-arrived
	next <- nil
	first := <-opened
	if got := <-late; first.Err != nil || !errors.Is(got.Err, ErrTableOwned) {
		t.Errorf("%v, %v", first.Err, got.Err)
	}
	second := <-again
	if second.Err != nil || second.Info.Durable || second.Fence <= first.Fence {
		t.Errorf("%+v after %+v", second, first)
	}
	b.durable.on(nil)
	b.must(under(second.Fence, put("t", "k", "3")))
	b.has("t", map[string]string{"k": "3", "l": "1"})
	b.replay()
}

// A crash between the two writes of a move: nobody was told that it happened, so
// either lane may have the table, whole, and only one.
func TestACrashWhileATableMoves(t *testing.T) {
	for _, toDurable := range []bool{false, true} {
		b, to := moving(t, toDurable)
		crashed := &bench{t: t, boot: b.boot}
		image := func() {
			if crashed.durable == nil {
				crashed.durable, crashed.volatile = b.durable.image(), b.volatile.image()
			}
		}
		if toDurable { // it is in the durable store, and not yet gone from the volatile one
			b.volatile.on(func(ops []store.Op) error {
				image()
				return b.volatile.Memory.Commit(ops)
			})
		} else {
			b.durable.on(func(ops []store.Op) error {
				image()
				return b.durable.Memory.Commit(ops)
			})
		}
		b.must(to)
		b.Close()
		for name, s := range map[string]*faultyStore{"durable": crashed.durable, "volatile": crashed.volatile} {
			found, err := readState(s)
			if err != nil || found.tables["t"] == nil {
				t.Fatalf("the crash is not between the writes: the %s store has no copy, %v", name, err)
			}
		}
		crashed.start()
		crashed.has("t", map[string]string{"k": "1", "l": "1"})
		crashed.stored()
		if info := crashed.must(Request{Op: OpTables}).Infos[0]; info.Restart != 7 || info.Owner == nil {
			t.Errorf("%+v", info)
		}
		opened := crashed.must(to)
		crashed.must(under(opened.Fence, put("t", "k", "2")))
		crashed.stored()
		crashed.restart()
		crashed.has("t", map[string]string{"k": "2", "l": "1"})
	}
}

// Whatever fails in a move, and however: the table stays whole and in one lane,
// and what is acknowledged afterwards survives a restart.
func TestAMoveThatFails(t *testing.T) {
	for _, tc := range []struct {
		name      string
		toDurable bool
		durable   error // of the durable store's commit
		happened  bool  // it took effect all the same
		volatile  error // of the volatile store's commits
		applied   bool  // they took effect all the same
		want      error
	}{
		{"to durable, refused", true, refused(), false, nil, false, ErrUnavailable},
		{"to durable, unknown and not done", true, unknown(), false, nil, false, ErrUnknown},
		{"to durable, unknown and done", true, unknown(), true, nil, false, ErrUnknown},
		{"to durable, old copy stays", true, nil, false, refused(), false, nil},
		{"to durable, old copy may stay", true, nil, false, unknown(), false, nil},
		{"to durable, old copy may stay and is gone", true, nil, false, unknown(), true, nil},
		{"to volatile, copy refused", false, nil, false, refused(), false, ErrUnavailable},
		{"to volatile, copy unknown and not done", false, nil, false, unknown(), false, ErrUnavailable},
		{"to volatile, copy unknown and done", false, nil, false, unknown(), true, ErrUnavailable},
		{"to volatile, refused", false, refused(), false, nil, false, ErrUnavailable},
		{"to volatile, unknown and not done", false, unknown(), false, nil, false, ErrUnknown},
		{"to volatile, unknown and done", false, unknown(), true, nil, false, ErrUnknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, to := moving(t, tc.toDurable)
				defer b.Close()
				broken := func(s *faultyStore, err error, applied bool) {
					if err == nil {
						return
					}
					s.on(func(ops []store.Op) error {
						if errors.Is(err, store.ErrUnknown) {
							s.on(func([]store.Op) error { return unknown() })
						}
						if applied {
							if err := s.Memory.Commit(ops); err != nil {
								t.Error(err)
							}
						}
						return err
					})
					s.onReload(func() error {
						s.on(nil)
						return nil
					})
				}
				broken(b.durable, tc.durable, tc.happened)
				broken(b.volatile, tc.volatile, tc.applied)
				gate := make(chan struct{})
				if errors.Is(tc.durable, store.ErrUnknown) {
					b.durable.onReload(func() error {
						<-gate
						b.durable.on(nil)
						return nil
					})
				}
				opened := b.fails(to, tc.want)
				if errors.Is(tc.want, ErrUnknown) {
					// Until it is known where the table is, nothing changes it.
					for _, r := range []Request{put("t", "k", "x"), to, {Op: OpClear, Table: "t"}} {
						r.Fence = b.must(Request{Op: OpTables}).Infos[0].Fence
						b.fails(r, ErrUnavailable)
					}
					if tc.toDurable {
						b.must(put("v", "k", "1")) // the other lane goes on
					}
				}
				close(gate)
				time.Sleep(10 * time.Second)
				b.durable.on(nil)
				b.volatile.on(nil)
				b.has("t", map[string]string{"k": "1", "l": "1"})
				info := b.must(Request{Op: OpTables}).Infos[0]
				if moved := info.Durable == tc.toDurable; moved != (tc.want == nil || tc.happened) {
					t.Errorf("the table moved: %t", moved)
				}
				if opened.Err == nil && opened.Fence != info.Fence {
					t.Errorf("fence %d was given, the table has %d", opened.Fence, info.Fence)
				}
				// Life goes on: a key changes, one goes, and the table moves once more.
				b.must(under(info.Fence, put("t", "k", "2")))
				b.must(under(info.Fence, Request{Op: OpDelete, Table: "t", Key: "l"}))
				crashed := &bench{t: t, boot: b.boot, durable: b.durable.image(), volatile: b.volatile.image()}
				crashed.start()
				crashed.has("t", map[string]string{"k": "2"})
				crashed.stored()
				crashed.Close()
				to.Durable = !info.Durable
				fence := b.must(to).Fence
				b.must(under(fence, put("t", "m", "1")))
				b.has("t", map[string]string{"k": "2", "m": "1"})
				b.restart()
				defer b.Close()
				b.has("t", map[string]string{"k": "2", "m": "1"})
				b.stored()
			})
		})
	}
}
