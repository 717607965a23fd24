package client

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/pkg/wire"
)

// simulation is a table of a server, the way of its events, a view that follows
// it, and a taker.
type simulation struct {
	t       *testing.T
	random  *rand.Rand
	only    string // the key that the view is about; empty: all
	trace   []string
	lineage int // of revisions; the store id

	revision uint64
	info     wire.TableInfo
	keys     map[string]wire.Record

	way   []event   // sent, not yet delivered
	old   []event   // delivered, or lost
	late  *snapshot // answered, not yet come; a subscription asks for one at a time
	heads []uint64  // answers to head requests under way

	view   *tableView
	taken  map[string]string // the table as the taker knows it
	told   wire.TableInfo    // by marks
	synced bool
	lastOf map[string][2]uint64 // lineage and revision that the taker got last
	filed  map[string]bool      // keys of which a put was taken or is pending
}

func newSimulation(t *testing.T, random *rand.Rand, only string) *simulation {
	return &simulation{
		t: t, random: random, only: only, lineage: 1, revision: 1000, keys: map[string]wire.Record{},
		view: newTableView("a.T"), taken: map[string]string{}, lastOf: map[string][2]uint64{}, filed: map[string]bool{},
	}
}

func (s *simulation) note(format string, a ...any) {
	s.trace = append(s.trace, fmt.Sprintf(format, a...))
}

func (s *simulation) fail(format string, a ...any) {
	s.t.Helper()
	s.t.Errorf(format, a...)
}

func (s *simulation) store() string { return fmt.Sprint("store", s.lineage) }

// change makes a random change or mark at the server.
func (s *simulation) change() {
	s.revision += 1 + s.random.Uint64N(3)
	e := event{previous: s.info.Head, store: s.store(), change: Change{Table: "a.T", Revision: s.revision}}
	s.info.Head = s.revision
	key := fmt.Sprint("k", s.random.IntN(4))
	_, there := s.keys[key]
	switch pick := s.random.IntN(10); {
	case pick < 5 || pick < 8 && !there:
		value := fmt.Sprintf("%d/%d", s.lineage, s.revision)
		s.keys[key] = wire.Record{Key: key, Revision: s.revision, Value: []byte(value)}
		e.change.Op, e.change.Key, e.change.Value = Put, key, []byte(value)
	case pick < 8:
		delete(s.keys, key)
		e.change.Op, e.change.Key = Delete, key
	case pick < 9:
		s.info.Open, s.info.Opened, s.info.Fence = true, true, s.revision
		e.change.Op, e.change.Info = TableOpened, s.info
	default:
		s.info.Restart++
		e.change.Op, e.change.Info = Restarted, s.info
	}
	e.silent = s.only != "" && !e.change.isMark() && e.change.Key != s.only
	s.note("change %+v", e.change)
	s.way = append(s.way, e)
}

// snapshot is asked for and answered at once; the answer may be late.
func (s *simulation) snapshot() *snapshot {
	found := &snapshot{store: s.store(), head: s.info.Head, doubts: s.view.doubts, info: s.info}
	for _, r := range s.keys {
		if s.only == "" || r.Key == s.only {
			found.records = append(found.records, r)
		}
	}
	slices.SortFunc(found.records, func(a, b wire.Record) int { return int(a.Revision) - int(b.Revision) })
	return found
}

func (s *simulation) deliver(e event) {
	s.note("deliver %d after %d (%s)", e.change.Revision, e.previous, e.store)
	s.view.receive(e)
	s.old = append(s.old, e)
}

// disconnect loses what is on its way, and what was asked.
func (s *simulation) disconnect() {
	s.note("disconnect")
	s.way, s.late, s.heads = nil, nil, nil
	s.view.doubt()
}

// step does one random thing.
func (s *simulation) step() {
	switch pick := s.random.IntN(100); {
	case pick < 35:
		s.change()
	case pick < 65 && len(s.way) > 0:
		e := s.way[0]
		s.way = s.way[1:]
		s.deliver(e)
	case pick < 68 && len(s.way) > 0: // lost
		s.note("lose %d", s.way[0].change.Revision)
		s.old = append(s.old, s.way[0])
		s.way = s.way[1:]
	case pick < 71 && len(s.old) > 0: // once more
		if e := s.old[s.random.IntN(len(s.old))]; e.store == s.store() {
			s.deliver(e)
		}
	case pick < 76 && s.late == nil:
		s.late = s.snapshot()
	case pick < 82 && s.late != nil:
		s.note("apply a snapshot of %d (%s)", s.late.head, s.late.store)
		s.view.apply(s.late)
		s.late = nil
	case pick < 85:
		s.heads = append(s.heads, s.info.Head)
	case pick < 88 && len(s.heads) > 0:
		if !s.view.follow {
			s.note("heads say %d", s.heads[0])
			s.view.unchanged(s.store(), s.heads[0])
		}
		s.heads = s.heads[1:]
	case pick < 91:
		s.disconnect()
	case pick < 92: // the server comes back from a backup
		s.disconnect()
		s.lineage++
		s.revision -= min(s.revision, s.random.Uint64N(50))
		s.info.Head = s.revision
		for key, r := range s.keys {
			if s.random.IntN(3) == 0 {
				delete(s.keys, key)
			} else if r.Revision > s.revision || s.random.IntN(2) == 0 {
				r.Revision = min(r.Revision, s.revision)
				r.Value = []byte(fmt.Sprintf("%d/%d", s.lineage, r.Revision))
				s.keys[key] = r
			}
		}
		s.note("store %d at %d", s.lineage, s.revision)
	case pick < 93: // a gap mark: the server's store was read again
		s.way = append(s.way, event{previous: s.info.Head, store: s.store(), change: Change{Op: Restarted, Table: "a.T", Revision: s.info.Head, Info: s.info}})
	default:
		s.take()
	}
}

// take takes the next change, as its subscription's user does.
func (s *simulation) take() bool {
	c, ok := s.view.waiting.next()
	if !ok {
		return false
	}
	s.note("take %+v", c)
	switch c.Op {
	case Put:
		if s.only != "" && c.Key != s.only {
			s.fail("key %s is not what the view is about", c.Key)
		}
		var now [2]uint64
		if _, err := fmt.Sscanf(string(c.Value), "%d/%d", &now[0], &now[1]); err != nil {
			s.t.Fatal(err)
		}
		if last := s.lastOf[c.Key]; slices.Compare(now[:], last[:]) < 0 {
			s.fail("key %s goes back from %v to %v", c.Key, last, now)
		}
		s.lastOf[c.Key], s.taken[c.Key] = now, string(c.Value)
	case Delete:
		delete(s.taken, c.Key)
	case Synchronized:
		if s.synced {
			s.fail("synchronized twice")
		}
		s.synced = true
	default:
		s.told = c.Info
	}
	return true
}

// settle lets the view become right, as the head check and the pulls do.
func (s *simulation) settle() {
	s.late = nil
	for len(s.way) > 0 {
		e := s.way[0]
		s.way = s.way[1:]
		s.deliver(e)
	}
	if s.view.follow && s.view.head != s.info.Head {
		if s.view.head > s.info.Head {
			s.fail("the view follows at %d, the server is at %d", s.view.head, s.info.Head)
		}
		s.view.doubt()
	}
	for pulls := 0; !s.view.follow; pulls++ {
		if pulls == 3 {
			s.fail("the view is in doubt after three pulls")
			return
		}
		s.note("pull %d", s.info.Head)
		s.view.apply(s.snapshot())
	}
	for s.take() {
	}
	want := map[string]string{}
	known := map[string]uint64{}
	for key, r := range s.keys {
		if s.only == "" || key == s.only {
			want[key], known[key] = string(r.Value), r.Revision
		}
	}
	if diff := cmp.Diff(want, s.taken); diff != "" {
		s.fail("the table (-server +taker):\n%s", diff)
	}
	if diff := cmp.Diff(known, s.view.known); diff != "" {
		s.fail("the revisions (-server +view):\n%s", diff)
	}
	if s.view.head != s.info.Head || s.view.store != s.store() {
		s.fail("the view is at %d of %s, the server at %d of %s", s.view.head, s.view.store, s.info.Head, s.store())
	}
	if s.info.Opened && (!s.synced || s.told.Fence != s.info.Fence || s.told.Restart != s.info.Restart) {
		s.fail("synchronized %t, told %+v, want %+v", s.synced, s.told, s.info)
	}
}

func TestAViewBecomesWhatTheServerHas(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for run := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, run))
		s := newSimulation(t, random, []string{"", "k1"}[run%2])
		for range 4 {
			for range 60 {
				s.step()
			}
			s.settle()
		}
		if t.Failed() {
			t.Fatalf("run %d, the end:\n%s", run, strings.Join(s.trace[max(0, len(s.trace)-60):], "\n"))
		}
	}
}

// A view files a delete only for a key that it filed, and a mark only after what
// came before it.
func TestAViewFilesNothingInvented(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for run := range uint64(500) {
		s := newSimulation(t, rand.New(rand.NewPCG(seed, run)), "")
		filed := map[string]string{}
		for range 300 {
			s.step0(filed)
		}
		if t.Failed() {
			t.Fatalf("run %d, the end:\n%s", run, strings.Join(s.trace[max(0, len(s.trace)-60):], "\n"))
		}
	}
}

// step0 is step with a taker who takes everything at once, and no snapshot while
// events are held, so that nothing is conflated: each thing that is filed is seen.
func (s *simulation) step0(filed map[string]string) {
	if s.view.heldTo > 0 {
		s.late, s.heads = nil, nil
		if s.random.IntN(4) == 0 {
			s.disconnect()
			s.view.held, s.view.heldTo = pending{}, 0
		}
	}
	s.step()
	for {
		c, ok := s.view.waiting.next()
		if !ok {
			return
		}
		s.note("filed %+v", c)
		switch c.Op {
		case Put:
			if filed[c.Key] == string(c.Value) && s.lineage == 1 {
				s.fail("key %s is filed again with the same value", c.Key)
			}
			filed[c.Key] = string(c.Value)
		case Delete:
			if _, there := filed[c.Key]; !there {
				s.fail("a delete of key %s, which was not there", c.Key)
			}
			delete(filed, c.Key)
		case TableOpened, TableClosed, Restarted:
			if c.Info.Keys > len(filed) {
				s.fail("a mark of %d keys after %d", c.Info.Keys, len(filed))
			}
		}
	}
}
