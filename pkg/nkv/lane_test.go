package nkv

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkv/nkv/pkg/store"
)

// blocked makes a store's commits wait; each value sent to next lets one go on,
// with that as its error.
func blocked(s *faultyStore) (arrived chan []store.Op, next chan error) {
	arrived, next = make(chan []store.Op), make(chan error)
	s.on(func(ops []store.Op) error {
		arrived <- ops
		if err := <-next; err != nil {
			return err
		}
		return s.Memory.Commit(ops)
	})
	return arrived, next
}

func TestVolatileChangesNeverWaitForTheDurableStore(t *testing.T) {
	b := newBench(t)
	b.must(durable(put("d", "k", "1")))
	arrived, next := blocked(b.durable)
	waits := b.submit(put("d", "k", "2"))
	<-arrived
	opened := b.must(open("v", "i"))
	for i := range 100 {
		b.must(under(opened.Fence, put("v", "k", fmt.Sprint(i))))
	}
	b.has("v", map[string]string{"k": "99"})
	b.has("d", map[string]string{"k": "1"}) // nobody sees what is not committed
	select {
	case got := <-waits:
		t.Errorf("answered before it was committed: %+v", got)
	default:
	}
	for _, e := range b.of("d") {
		if string(e.Value) != "1" {
			t.Errorf("told before it was committed: %+v", e)
		}
	}
	next <- nil
	if got := <-waits; got.Err != nil {
		t.Error(got.Err)
	}
	b.durable.on(nil)
	b.replay()
}

func TestManyWaitingChangesAreFewCommits(t *testing.T) {
	b := newBench(t)
	arrived, next := blocked(b.durable)
	const n = 500
	answers := []<-chan Result{b.submit(durable(put("t", "k", "first")))}
	<-arrived
	before := b.durable.commits()
	for i := range n {
		answers = append(answers, b.submit(durable(put(fmt.Sprint("t", i%10), fmt.Sprint("k", i), "v"))))
	}
	b.must(Request{Op: OpStatus}) // it was submitted last, so all are in the queue
	next <- nil
	if got := len(<-arrived); got != n+10 { // ten tables are made
		t.Errorf("the second commit has %d operations, want %d", got, n+10)
	}
	next <- nil
	for _, answer := range answers {
		if got := <-answer; got.Err != nil {
			t.Error(got.Err)
		}
	}
	if got := b.durable.commits() - before; got != 1 {
		t.Errorf("%d commits for %d waiting changes, want 1", got, n)
	}
	b.durable.on(nil)
	b.replay()
}

// What meets an uncommitted batch waits for it, in order, also when it does not
// say that its table is durable.
func TestRequestsOfATableKeepTheirOrderAcrossLanes(t *testing.T) {
	b := newBench(t)
	arrived, next := blocked(b.durable)
	answers := []<-chan Result{b.submit(durable(put("t", "k", "1")))}
	<-arrived
	answers = append(answers,
		b.submit(put("t", "k", "2")),
		b.submit(expect(0, put("t", "k", "wrong"))),
		b.submit(Request{Op: OpDelete, Table: "t", Key: "k"}),
		b.submit(put("t", "k", "3")),
	)
	b.has("t", map[string]string{})
	next <- nil
	<-arrived
	if got := <-answers[0]; got.Err != nil {
		t.Error(got.Err)
	}
	b.has("t", map[string]string{"k": "1"})
	next <- nil
	for i, answer := range answers[1:] {
		got := <-answer
		if want := map[int]error{1: ErrRevision}[i]; !errors.Is(got.Err, want) {
			t.Errorf("request %d: %v, want %v", i, got.Err, want)
		}
	}
	b.durable.on(nil)
	b.has("t", map[string]string{"k": "3"})
	if info := b.must(Request{Op: OpTables}).Infos[0]; !info.Durable {
		t.Error("the table is not durable")
	}
	b.replay()
}

func TestARefusedBatchLeavesNoTrace(t *testing.T) {
	for _, lane := range []bool{false, true} {
		b := newBench(t)
		s := b.volatile
		if lane {
			s = b.durable
		}
		in := func(r Request) Request {
			r.Durable = lane
			return r
		}
		first := b.must(in(put("t", "k", "1"))).Revision
		b.must(in(put("t", "l", "1")))
		events := len(b.all())
		s.on(func([]store.Op) error { return refused() })
		for _, r := range []Request{
			put("t", "k", "2"), put("new", "k", "2"), open("t", "i"), open("new", "i"),
			{Op: OpDelete, Table: "t", Key: "k"}, {Op: OpClear, Table: "t"}, {Op: OpMark, Table: "t", Restart: 1},
		} {
			b.fails(in(r), ErrUnavailable)
		}
		b.must(put("t", "k", "1")) // it changes nothing, so there is nothing to refuse
		b.has("t", map[string]string{"k": "1", "l": "1"})
		if n := len(b.all()) - events; n != 0 {
			t.Errorf("durable %t: %d events of what was refused", lane, n)
		}
		status := b.must(Request{Op: OpStatus}).Status
		if bad := map[bool]error{false: status.Volatile, true: status.Durable}[lane]; !errors.Is(bad, store.ErrNotCommitted) || status.Tables != 1 {
			t.Errorf("durable %t: %+v", lane, status)
		}
		s.on(nil)
		if again := b.must(in(put("t", "k", "2"))).Revision; again <= first {
			t.Errorf("revisions %d, then %d", first, again)
		}
		if status := b.must(Request{Op: OpStatus}).Status; status.Volatile != nil || status.Durable != nil {
			t.Errorf("durable %t: %+v", lane, status)
		}
		b.must(in(put("new", "k", "2")))
		b.replay()
		b.restart()
		b.has("t", map[string]string{"k": "2", "l": "1"})
	}
}

func TestAnUnknownOutcomeIsReadAgain(t *testing.T) {
	for _, tc := range []struct{ lane, happened bool }{{false, false}, {false, true}, {true, false}, {true, true}} {
		t.Run(fmt.Sprintf("durable %t, happened %t", tc.lane, tc.happened), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				defer b.Close()
				s := b.volatile
				if tc.lane {
					s = b.durable
				}
				in := func(r Request) Request {
					r.Durable = tc.lane
					return r
				}
				b.must(in(put("t", "k", "1")))
				b.must(in(put("t", "l", "1")))
				b.must(in(put("same", "k", "1")))
				other := put("other", "k", "1")
				other.Durable = !tc.lane
				b.must(other)

				reloads := 0
				s.onReload(func() error {
					if reloads++; reloads < 4 {
						return fmt.Errorf("still broken")
					}
					s.on(nil)
					return nil
				})
				s.on(func(ops []store.Op) error {
					s.on(func([]store.Op) error {
						t.Error("a commit before the store was read again")
						return unknown()
					})
					if tc.happened {
						if err := s.Memory.Commit(ops); err != nil {
							t.Error(err)
						}
					}
					return unknown()
				})
				release := b.hold()
				answers := []<-chan Result{
					b.submit(put("t", "k", "2")), b.submit(Request{Op: OpDelete, Table: "t", Key: "l"}), b.submit(in(put("new", "k", "1"))),
				}
				release()
				for _, answer := range answers {
					if got := <-answer; !errors.Is(got.Err, ErrUnknown) {
						t.Errorf("answer %v, want ErrUnknown", got.Err)
					}
				}
				// Until it is read again: reads and the other lane go on, changes are refused.
				b.fails(put("t", "k", "3"), ErrUnavailable)
				b.has("t", map[string]string{"k": "1", "l": "1"})
				b.must(put("other", "k", "2"))
				time.Sleep(10 * time.Second)
				synctest.Wait()
				if reloads != 4 {
					t.Errorf("%d reloads, want 4", reloads)
				}
				want := map[string]string{"k": "1", "l": "1"}
				if tc.happened {
					want = map[string]string{"k": "2"}
				}
				b.has("t", want)
				b.stored()
				gap := false
				for _, e := range b.of("t") {
					gap = gap || e.Op == EventMark && e.Previous == e.Revision
				}
				if gap != tc.happened {
					t.Errorf("a gap is told: %t", gap)
				}
				if same := b.of("same"); len(same) != 1 {
					t.Errorf("%d events of a table that did not differ, want 1", len(same))
				}
				b.must(in(put("t", "k", "4")))
				b.must(in(put("new", "k", "4")))
				b.stored()
				b.restart()
				defer b.Close()
				want["k"] = "4"
				b.has("t", want)
				b.has("new", map[string]string{"k": "4"})
			})
		})
	}
}

// A store that comes back without a table: memory follows it, its readers are
// told, and what is written then survives.
func TestATableThatAStoreLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.must(put("t", "k", "1"))
		head := b.must(put("t", "l", "1")).Revision
		lost := store.NewMemory()
		b.volatile.onReload(func() error {
			b.volatile.Memory = lost
			b.volatile.on(nil)
			return nil
		})
		b.volatile.on(func([]store.Op) error { return unknown() })
		b.fails(put("t", "k", "2"), ErrUnknown)
		time.Sleep(time.Second)
		b.has("t", map[string]string{})
		events := b.of("t")
		if last := events[len(events)-1]; last.Op != EventMark || last.Previous != last.Revision || last.Revision <= head {
			t.Errorf("the last event is %+v; the head before was %d", last, head)
		}
		b.must(put("t", "k", "3"))
		b.stored()
		b.Close()
		if _, err := readState(b.volatile); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseWhileALaneIsBroken(t *testing.T) {
	b := newBench(t)
	b.must(durable(put("t", "k", "1")))
	b.durable.onReload(func() error { return errors.New("still broken") })
	b.durable.on(func([]store.Op) error { return unknown() })
	b.fails(put("t", "k", "2"), ErrUnknown)
	b.fails(put("t", "k", "2"), ErrUnavailable)
	b.Close()
}

func TestCloseWaitsForARunningCommit(t *testing.T) {
	b := newBench(t)
	arrived, next := blocked(b.durable)
	first := b.submit(durable(put("t", "k", "1")))
	<-arrived
	second := b.submit(durable(put("t", "k", "2")))
	closed := make(chan struct{})
	go func() {
		b.Close()
		close(closed)
	}()
	next <- nil
	<-arrived
	next <- nil
	<-closed
	for _, answer := range []<-chan Result{first, second} {
		if got := <-answer; got.Err != nil {
			t.Error(got.Err)
		}
	}
}

// A stuck disk refuses what comes when much waits already, by number and by size;
// the volatile lane goes on, and what was taken is done in the end.
func TestAStuckStoreHoldsABoundedQueue(t *testing.T) {
	for _, tc := range []struct {
		name           string
		size, n, taken int
	}{
		{"many", 1, maxQueued + 100, maxQueued},
		{"large", maxQueuedBytes / 4, 10, 4},
		{"one alone", maxQueuedBytes - 100, 3, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			arrived, next := blocked(b.durable)
			first := b.submit(durable(put("t", "first", "1")))
			<-arrived
			value := make([]byte, tc.size)
			var answers []<-chan Result
			for i := range tc.n {
				answers = append(answers, b.submit(Request{Op: OpPut, Table: "t", Key: fmt.Sprint("k", i), Value: value}))
			}
			b.must(put("v", "k", "1"))
			for i, answer := range answers[tc.taken:] {
				if got := <-answer; !errors.Is(got.Err, ErrUnavailable) {
					t.Fatalf("request %d: %v, want ErrUnavailable", tc.taken+i, got.Err)
				}
			}
			next <- nil
			<-arrived
			next <- nil
			for i, answer := range append(answers[:tc.taken:tc.taken], first) {
				if got := <-answer; got.Err != nil {
					t.Fatalf("request %d: %v", i, got.Err)
				}
			}
			b.durable.on(nil)
			b.must(put("t", "k", "again"))
			b.Close()
			if queued := b.Core.durable.queued; queued != 0 {
				t.Errorf("%d bytes are left in an empty queue", queued)
			}
		})
	}
}

// TestABrokenLaneAcknowledgesNothing puts what memory holds already while the
// store may hold something else: to acknowledge that would be a lie.
func TestABrokenLaneAcknowledgesNothing(t *testing.T) {
	for _, inDurable := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t)
			defer b.Close()
			s := b.volatile
			if inDurable {
				s = b.durable
			}
			in := func(r Request) Request {
				r.Durable = inDurable
				return r
			}
			b.must(in(put("t", "k", "1")))
			healed := make(chan struct{})
			s.onReload(func() error { <-healed; s.on(nil); return nil })
			s.on(func(ops []store.Op) error {
				if err := s.Memory.Commit(ops); err != nil { // it happened
					t.Error(err)
				}
				return unknown()
			})
			b.fails(put("t", "k", "2"), ErrUnknown)
			b.fails(put("t", "k", "1"), ErrUnavailable)
			close(healed)
			synctest.Wait()
			b.has("t", map[string]string{"k": "2"})
			b.must(put("t", "k", "1"))
			b.has("t", map[string]string{"k": "1"})
		})
	}
}
