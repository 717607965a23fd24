package nkv

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/evenkv/nkv/pkg/store"
)

// restorable returns a bench with a backup of what it had, and changes since.
func restorable(t *testing.T) (*bench, Request) {
	b := newBench(t)
	b.must(durable(put("kept", "a", "1")))
	b.must(durable(put("kept", "b", "1")))
	b.must(durable(put("gone later", "k", "1")))
	b.must(durable(put("moves", "k", "1")))
	r := Request{Op: OpRestore}
	for _, view := range b.must(Request{Op: OpBackup}).Views {
		image := Image{Table: view.Table, Opened: view.Opened, Restart: view.Restart}
		for _, e := range view.Entries() {
			image.Entries = append(image.Entries, *e)
		}
		r.Images = append(r.Images, image)
	}
	b.must(put("kept", "a", "2"))
	b.must(put("kept", "c", "2"))
	b.must(Request{Op: OpDelete, Table: "kept", Key: "b"})
	b.must(durable(put("new", "k", "2")))
	b.Connected("i")
	b.must(open("moves", "i")) // to the volatile lane
	b.must(put("volatile", "k", "2"))
	return b, r
}

// isRestored checks that everything is as restored, and that it is as before with
// false.
func (b *bench) isRestored(restored bool) {
	b.t.Helper()
	b.has("volatile", map[string]string{"k": "2"})
	if !restored {
		b.has("kept", map[string]string{"a": "2", "c": "2"})
		b.has("new", map[string]string{"k": "2"})
		b.has("moves", map[string]string{"k": "1"})
		return
	}
	b.has("kept", map[string]string{"a": "1", "b": "1"})
	b.has("gone later", map[string]string{"k": "1"})
	b.has("new", map[string]string{})
	b.has("moves", map[string]string{"k": "1"})
	for _, info := range b.must(Request{Op: OpTables}).Infos {
		if want := info.Table != "volatile"; info.Durable != want || info.Owner != nil {
			b.t.Errorf("%+v", info)
		}
	}
}

func TestRestore(t *testing.T) {
	b, r := restorable(t)
	before := b.must(Request{Op: OpStatus}).Status.Revision
	id, told := b.StoreID(), len(b.all())
	b.must(r)
	b.isRestored(true)
	if b.StoreID() == id {
		t.Error("the store id is the old one")
	}
	var marked []string
	for _, e := range b.all()[told:] {
		if e.Op != EventMark || e.Previous != e.Revision {
			t.Errorf("a restore tells %+v", e)
		}
		if e.Table != "volatile" && (e.Info.Fence != e.Revision || e.Info.Owner != nil) {
			t.Errorf("a former owner of %s would not notice: %+v", e.Table, e.Info)
		}
		marked = append(marked, e.Table)
	}
	if want := []string{"gone later", "kept", "moves", "new", "volatile"}; !slices.Equal(marked, want) {
		t.Errorf("marks of %q, want %q", marked, want)
	}
	for _, e := range b.must(Request{Op: OpSnapshot, Table: "kept"}).View.Entries() {
		if e.Revision <= before {
			t.Errorf("key %s has revision %d; %d was given", e.Key, e.Revision, before)
		}
	}
	id = b.StoreID()
	for range 2 {
		b.restart()
		b.isRestored2()
		if b.StoreID() != id {
			t.Error("a restart changes the store id")
		}
	}
	b.must(put("kept", "a", "3"))
	b.must(durable(put("new", "k", "3")))
	b.restart()
	b.has("kept", map[string]string{"a": "3", "b": "1"})
	b.has("new", map[string]string{"k": "3"})
	b.boot = "next"
	b.restart()
	b.has("volatile", map[string]string{})
}

// isRestored2 is isRestored after a restart, when a table without keys that the
// backup did not have is not there any more.
func (b *bench) isRestored2() {
	b.t.Helper()
	b.isRestored(true)
	for _, info := range b.must(Request{Op: OpTables}).Infos {
		if info.Table == "new" {
			b.t.Error("a table that is not in the backup is there")
		}
	}
}

func TestRestoreUndoesOwners(t *testing.T) {
	b := newBench(t)
	b.Connected("i")
	o := durable(open("t", "i"))
	fence := b.must(o).Fence
	b.must(under(fence, put("t", "k", "1")))
	b.must(Request{Op: OpRestore, Images: []Image{{Table: "t", Opened: true, Entries: []Entry{{Key: "k", Value: []byte("0")}}}}})
	b.fails(under(fence, put("t", "k", "2")), ErrFence)
	b.fails(under(fence, Request{Op: OpClose, Table: "t"}), ErrFence)
	again := b.must(o)
	if again.Fence <= fence {
		t.Errorf("fence %d after %d", again.Fence, fence)
	}
	b.must(under(again.Fence, put("t", "k", "2")))
	b.restart()
	b.has("t", map[string]string{"k": "2"})
}

// TestRestoreIsAllOrNothing has the store refuse the restore, or fail in it, or the
// server end in it.
func TestRestoreIsAllOrNothing(t *testing.T) {
	for _, tt := range []struct {
		name    string
		happens bool // the store holds it, whatever it said
		err     func() error
		want    error
	}{
		{"refused", false, refused, ErrUnavailable},
		{"unknown, and did not happen", false, unknown, ErrUnknown},
		{"unknown, and happened", true, unknown, ErrUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, r := restorable(t)
			id := b.StoreID()
			b.durable.on(func(batch []store.Op) error {
				b.durable.on(nil)
				if tt.happens {
					if err := b.durable.Memory.Commit(batch); err != nil {
						t.Error(err)
					}
				}
				return tt.err()
			})
			b.fails(r, tt.want)
			for b.must(Request{Op: OpStatus}).Status.Durable != nil { // until it is read again
				if b.do(durable(put("other", "k", "1"))).Err == nil {
					break
				}
			}
			b.isAfter(tt.happens, id)
			b.restart()
			b.isAfter(tt.happens, id)
		})
	}
}

func (b *bench) isAfter(restored bool, id string) {
	b.t.Helper()
	b.has("volatile", map[string]string{"k": "2"})
	want := map[string]string{"a": "2", "c": "2"}
	if restored {
		want = map[string]string{"a": "1", "b": "1"}
	}
	b.has("kept", want)
	if (b.StoreID() != id) != restored {
		b.t.Errorf("restored %t, and the store id is %s after %s", restored, b.StoreID(), id)
	}
}

// TestKillWithinRestore takes the stores as they are at each commit of a restore.
func TestKillWithinRestore(t *testing.T) {
	b, r := restorable(t)
	var images []*bench
	take := func() {
		images = append(images, &bench{t: t, durable: b.durable.image(), volatile: b.volatile.image(), boot: b.boot})
	}
	for _, s := range []*faultyStore{b.durable, b.volatile} {
		s.on(func(batch []store.Op) error {
			take()
			err := s.Memory.Commit(batch)
			take()
			return err
		})
	}
	id := b.StoreID()
	b.must(r)
	b.durable.on(nil)
	b.volatile.on(nil)
	before, after := 0, 0
	for _, image := range images {
		image.start()
		if restored := image.StoreID() != id; restored {
			after++
			image.isRestored2()
		} else {
			before++
			image.isRestored(false)
		}
	}
	if before == 0 || after == 0 {
		t.Errorf("%d images of before, %d of after", before, after)
	}
}

// TestMovingTableWaitsForARestore changes a volatile table that a restore makes
// durable while that is under way.
func TestMovingTableWaitsForARestore(t *testing.T) {
	b := newBench(t)
	b.must(put("t", "k", "1"))
	arrived, next := blocked(b.durable)
	restoring := b.submit(Request{Op: OpRestore, Images: []Image{{Table: "t", Entries: []Entry{{Key: "k", Value: []byte("0")}}}}})
	<-arrived
	late := b.submit(put("t", "l", "2"))
	b.must(put("other", "k", "1"))
	b.has("t", map[string]string{"k": "1"})
	next <- nil
	if got := <-restoring; got.Err != nil {
		t.Fatal(got.Err)
	}
	<-arrived
	next <- nil
	if got := <-late; got.Err != nil {
		t.Fatal(got.Err)
	}
	b.durable.on(nil)
	b.has("t", map[string]string{"k": "0", "l": "2"})
	b.restart()
	b.has("t", map[string]string{"k": "0", "l": "2"})
	if info := b.must(Request{Op: OpSnapshot, Table: "t"}).Info; !info.Durable {
		t.Errorf("%+v", info)
	}
}

// TestNewTableWaitsForARestore makes a table that is not there, but in the backup,
// while the restore is under way: what is acknowledged meanwhile is not undone.
func TestNewTableWaitsForARestore(t *testing.T) {
	for _, tt := range []struct {
		name     string
		err      error // of the restore's commit
		durable  bool  // the table, afterwards
		contents map[string]string
	}{
		{"done", nil, true, map[string]string{"k": "late", "l": "0"}},
		{"refused", refused(), false, map[string]string{"k": "late"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			arrived, next := blocked(b.durable)
			restoring := b.submit(Request{Op: OpRestore, Images: []Image{{
				Table: "t", Entries: []Entry{{Key: "k", Value: []byte("0")}, {Key: "l", Value: []byte("0")}},
			}}})
			<-arrived
			late := b.submit(put("t", "k", "late"))
			b.must(put("other", "k", "1")) // what was submitted before is taken now
			select {
			case got := <-late:
				next <- tt.err
				t.Fatalf("a put into a table that is being restored got %+v", got)
			default:
			}
			b.durable.on(nil)
			next <- tt.err
			if got := <-restoring; (got.Err == nil) != (tt.err == nil) {
				t.Fatal(got.Err)
			}
			if got := <-late; got.Err != nil {
				t.Fatal(got.Err)
			}
			for range 2 {
				b.has("t", tt.contents)
				if info := b.must(Request{Op: OpSnapshot, Table: "t"}).Info; info.Durable != tt.durable {
					t.Errorf("%+v", info)
				}
				b.restart()
			}
		})
	}
}

// TestRestoreGivesNoRevisionTwice restores a backup of nothing where hardly any
// revision is left: G3, none of those that the marks of the removed tables tell is
// given again after a restart.
func TestRestoreGivesNoRevisionTwice(t *testing.T) {
	b := newBench(t, func(o *Options) { o.reserve = 64 })
	for i := range 25 {
		b.must(durable(put(fmt.Sprint("t", i), "k", "1")))
	}
	b.durable.on(func(batch []store.Op) error {
		if slices.ContainsFunc(batch, func(op store.Op) bool { return op.Key == recordCeiling }) {
			return refused()
		}
		return b.durable.Memory.Commit(batch)
	})
	for n := range 30 {
		b.must(put("v", "k", fmt.Sprint(n)))
	}
	told := uint64(0)
	result := b.do(Request{Op: OpRestore})
	for _, e := range b.all() {
		told = max(told, e.Revision)
	}
	if result.Err != nil && !errors.Is(result.Err, ErrUnavailable) {
		t.Error(result.Err)
	}
	b.durable.on(nil)
	b.restart()
	if got := b.must(put("v", "k", "last")).Revision; got <= told {
		t.Errorf("revision %d is given; %d was told before the restart", got, told)
	}
}

// TestStartOnFullStore starts on a durable store that takes nothing: what is there
// is read, all changes are refused, and go on when there is room.
func TestStartOnFullStore(t *testing.T) {
	b := newBench(t)
	b.must(durable(put("t", "k", "1")))
	last := b.must(put("v", "k", "1")).Revision
	b.Close()
	b.durable.on(func([]store.Op) error { return refused() })
	b.start()
	b.has("t", map[string]string{"k": "1"})
	b.has("v", map[string]string{"k": "1"})
	if b.must(Request{Op: OpStatus}).Status.Durable == nil {
		t.Error("the durable store is well")
	}
	b.fails(put("v", "k", "2"), ErrUnavailable)
	b.fails(durable(put("t", "k", "2")), ErrUnavailable)
	b.durable.on(nil)
	for b.do(put("v", "k", "2")).Err != nil { // it is tried again for a change that comes
	}
	if got := b.must(put("v", "k", "3")).Revision; got <= last {
		t.Errorf("revision %d after %d", got, last)
	}
	b.must(put("t", "k", "3"))
	b.restart()
	b.has("t", map[string]string{"k": "3"})
}
