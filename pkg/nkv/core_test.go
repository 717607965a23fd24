package nkv

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChanges(t *testing.T) {
	for _, lane := range []string{"volatile", "durable"} {
		t.Run(lane, func(t *testing.T) {
			b := newBench(t)
			in := func(r Request) Request {
				r.Durable = lane == "durable"
				return r
			}
			first := b.must(in(put("t", "k", "1"))).Revision
			if first == 0 {
				t.Fatal("the first revision is 0")
			}
			if same := b.must(put("t", "k", "1")).Revision; same != first {
				t.Errorf("an unchanged put has revision %d, want %d", same, first)
			}
			if n := len(b.all()); n != 1 {
				t.Errorf("%d events after a put and an unchanged put, want 1", n)
			}
			second := b.must(put("t", "k", "2")).Revision
			if second <= first {
				t.Errorf("revisions %d, then %d", first, second)
			}
			b.must(put("t", "empty", ""))
			if got := b.must(Request{Op: OpGet, Table: "t", Key: "empty"}); len(got.Entry.Value) != 0 {
				t.Errorf("an empty value is %q", got.Entry.Value)
			}
			var wrong *RevisionError
			if result := b.fails(expect(first, put("t", "k", "3")), ErrRevision); !errors.As(result.Err, &wrong) || wrong.Current != second || wrong.Expected != first {
				t.Errorf("the error is %#v", wrong)
			}
			b.fails(expect(0, put("t", "k", "3")), ErrRevision)
			b.fails(expect(5, put("t", "none", "3")), ErrRevision)
			b.fails(expect(5, put("none", "k", "3")), ErrRevision)
			b.fails(expect(first, put("t", "k", "2")), ErrRevision) // also when it is the same value
			third := b.must(expect(second, put("t", "k", "3"))).Revision
			b.must(in(expect(0, put("t", "new", "n"))))
			b.must(in(expect(0, put("made", "new", "n"))))
			b.fails(expect(second, Request{Op: OpDelete, Table: "t", Key: "k"}), ErrRevision)
			b.fails(expect(second, Request{Op: OpDelete, Table: "none", Key: "k"}), ErrRevision)
			b.fails(Request{Op: OpDelete, Table: "none", Key: "k"}, ErrNotFound)
			b.fails(Request{Op: OpDelete, Table: "t", Key: "none"}, ErrNotFound)
			gone := b.must(expect(third, Request{Op: OpDelete, Table: "t", Key: "k"})).Revision
			b.fails(Request{Op: OpDelete, Table: "t", Key: "k"}, ErrNotFound)
			b.fails(Request{Op: OpGet, Table: "t", Key: "k"}, ErrNotFound)
			b.fails(Request{Op: OpGet, Table: "none", Key: "k"}, ErrNotFound)
			if again := b.must(expect(0, put("t", "k", "4"))).Revision; again <= gone {
				t.Errorf("deleted with %d, made again with %d", gone, again)
			}
			b.has("t", map[string]string{"k": "4", "new": "n", "empty": ""})
			b.fails(Request{Op: OpClear, Table: "none"}, ErrNotFound)
			if n := b.must(Request{Op: OpClear, Table: "t", Match: func(key string) bool { return key != "new" }}).Count; n != 2 {
				t.Errorf("cleared %d keys, want 2", n)
			}
			if n := b.must(Request{Op: OpClear, Table: "t", Match: func(string) bool { return false }}).Count; n != 0 {
				t.Errorf("cleared %d keys, want none", n)
			}
			b.has("t", map[string]string{"new": "n"})
			b.must(Request{Op: OpClear, Table: "t"})
			b.has("t", map[string]string{})
			b.replay()
			for _, info := range b.must(Request{Op: OpTables}).Infos {
				if info.Durable != (lane == "durable") || info.Opened || info.Owner != nil {
					t.Errorf("%+v", info)
				}
			}
		})
	}
}

// A request sees what was submitted before it, whichever batch they are in.
func TestOneBatchSeesItself(t *testing.T) {
	for _, lane := range []bool{false, true} {
		b := newBench(t)
		release := b.hold()
		requests := []struct {
			r    Request
			want error
		}{
			{put("t", "k", "1"), nil},
			{put("t", "k", "1"), nil},
			{expect(0, put("t", "k", "2")), ErrRevision},
			{put("t", "l", "1"), nil},
			{Request{Op: OpDelete, Table: "t", Key: "k"}, nil},
			{Request{Op: OpDelete, Table: "t", Key: "k"}, ErrNotFound},
			{expect(0, put("t", "k", "3")), nil},
			{Request{Op: OpClear, Table: "t"}, nil},
			{put("t", "m", "1"), nil},
			{open("t", "i"), nil},
			{put("t", "m", "2"), ErrTableOwned},
			{open("t", "j"), ErrTableOwned},
			{Request{Op: OpGet, Table: "none", Key: "m"}, ErrNotFound},
		}
		var answers []<-chan Result
		for _, r := range requests {
			r.r.Durable = lane
			answers = append(answers, b.submit(r.r))
		}
		release()
		for i, r := range requests {
			if got := <-answers[i]; !errors.Is(got.Err, r.want) {
				t.Errorf("durable %t: request %d: %v, want %v", lane, i, got.Err, r.want)
			} else if r.r.Op == OpClear && got.Count != 2 {
				t.Errorf("cleared %d keys, want 2", got.Count)
			}
		}
		b.has("t", map[string]string{"m": "1"})
		b.replay()
		s := b.volatile
		if lane {
			s = b.durable
		}
		if n := s.commits(); n != 2 { // one at the start
			t.Errorf("durable %t: %d commits, want 2", lane, n)
		}
	}
}

func TestReads(t *testing.T) {
	b := newBench(t)
	b.must(put("b", "k", "1"))
	b.must(put("a", "k", "12"))
	b.must(durable(put("c", "k", "123")))
	isC := func(name string) bool { return name == "c" }
	heads := b.must(Request{Op: OpHeads, Tables: []string{"a", "none"}, Match: isC}).Heads
	want := map[string]uint64{}
	for _, info := range b.must(Request{Op: OpTables}).Infos {
		if info.Table != "b" {
			want[info.Table] = info.Head
		}
	}
	if diff := cmp.Diff(want, heads); diff != "" {
		t.Errorf("heads (-want +got):\n%s", diff)
	}
	var names []string
	for _, info := range b.must(Request{Op: OpTables}).Infos {
		names = append(names, info.Table)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, names); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
	if n := len(b.must(Request{Op: OpTables, Match: isC}).Infos); n != 1 {
		t.Errorf("%d tables match, want 1", n)
	}
	status := b.must(Request{Op: OpStatus}).Status
	if status.Tables != 3 || status.Keys != 3 || status.Bytes != 6 || status.Durable != nil || status.Volatile != nil {
		t.Errorf("status %+v", status)
	}
	none := b.must(Request{Op: OpSnapshot, Table: "none"})
	if none.View.Table != "none" || none.View.Head != 0 || len(none.View.Entries()) != 0 || none.Info.Opened {
		t.Errorf("a table that is not there: %+v", none.View.Info)
	}
	b.fails(Request{Op: 99, Table: "a"}, ErrNotFound)
}

func TestViewsAreSharedAndDoNotChange(t *testing.T) {
	b := newBench(t)
	value := []byte("1")
	b.must(Request{Op: OpPut, Table: "t", Key: "k", Value: value})
	b.must(put("t", "gone", "1"))
	value[0] = 'x' // the caller broke the rule; what is stored is a copy
	before := b.must(Request{Op: OpSnapshot, Table: "t"}).View
	if again := b.must(Request{Op: OpSnapshot, Table: "t"}).View; again != before {
		t.Error("two snapshots of one head are two views")
	}
	b.must(put("other", "k", "1"))
	if again := b.must(Request{Op: OpSnapshot, Table: "t"}).View; again != before {
		t.Error("a change of another table makes a new view")
	}
	b.must(put("t", "k", "2"))
	b.must(Request{Op: OpDelete, Table: "t", Key: "gone"})
	after := b.must(Request{Op: OpSnapshot, Table: "t"}).View
	read := func(v *View) map[string]string {
		values := map[string]string{}
		for _, e := range v.Entries() {
			values[e.Key] = string(e.Value)
		}
		return values
	}
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			if diff := cmp.Diff(map[string]string{"k": "1", "gone": "1"}, read(before)); diff != "" {
				t.Errorf("the old view (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(map[string]string{"k": "2"}, read(after)); diff != "" {
				t.Errorf("the new view (-want +got):\n%s", diff)
			}
		})
	}
	readers.Wait()
	if before.Head >= after.Head {
		t.Errorf("heads %d, then %d", before.Head, after.Head)
	}
}

func TestMarks(t *testing.T) {
	b := newBench(t)
	b.fails(Request{Op: OpMark, Table: "t", Restart: 1}, ErrNotFound)
	opened := b.must(open("t", "i"))
	mark := Request{Op: OpMark, Table: "t", Fence: opened.Fence, Restart: 1}
	first := b.must(mark)
	if first.Revision <= opened.Revision || first.Info.Restart != 1 {
		t.Errorf("%+v", first)
	}
	if again := b.must(mark); again.Revision != first.Revision {
		t.Errorf("the same counter has revision %d, want %d", again.Revision, first.Revision)
	}
	b.fails(under(opened.Fence+1, mark), ErrFence)
	b.fails(under(0, mark), ErrTableOwned)
	mark.Restart = 0
	b.must(mark)
	b.must(Request{Op: OpClose, Table: "t", Fence: opened.Fence})
	var told []string
	for _, e := range b.of("t") {
		told = append(told, strings.Repeat("open ", btoi(e.Info.Owner != nil))+"restart "+string(rune('0'+e.Info.Restart)))
	}
	want := []string{"open restart 0", "open restart 1", "open restart 0", "restart 0"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("marks (-want +got):\n%s", diff)
	}
	b.replay()
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestOptionsAreValidated(t *testing.T) {
	if _, err := Open(Options{OwnerGrace: -1}); !errors.Is(err, ErrInvalidOption) {
		t.Errorf("negative grace: %v", err)
	}
	c, err := Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c.StoreID() == "" {
		t.Error("no store id")
	}
	c.Close()
}

func TestCloseAnswersEverything(t *testing.T) {
	b := newBench(t)
	const n = 2000
	var answers []<-chan Result
	var mu sync.Mutex
	var submitters sync.WaitGroup
	for i := range 4 {
		submitters.Go(func() {
			for j := range n / 4 {
				r := put("t", "k", strings.Repeat("x", j%7))
				r.Durable, r.Table = i%2 == 0, string(rune('a'+i))
				answer := b.submit(r)
				mu.Lock()
				answers = append(answers, answer)
				mu.Unlock()
			}
		})
	}
	var closers sync.WaitGroup
	for range 3 {
		closers.Go(b.Close)
	}
	submitters.Wait()
	closers.Wait()
	done := 0
	for _, answer := range answers {
		switch got := <-answer; {
		case got.Err == nil:
			done++
		case !errors.Is(got.Err, ErrClosed):
			t.Errorf("answer %v, want ErrClosed", got.Err)
		}
	}
	t.Logf("%d of %d were done", done, len(answers))
	b.fails(put("t", "k", "v"), ErrClosed)
	b.Connected("i")
	b.Disconnected("i")
	b.Close()
}
