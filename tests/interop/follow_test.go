package interop

import (
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// lamps is the table of the tests about following; Go owns it.
var lamps = wire.Table{Agent: "lamp", Topic: "State"}

// never is a pause between head checks that no test lives to see.
const never = int(time.Hour / time.Millisecond)

// hitting is a filter that does something to the next message of a kind, when it
// is told to.
type hitting struct {
	armed atomic.Int64 // the Fate; 0: none
	hit   chan struct{}
}

func hit(p *testutil.Proxy, kind string) *hitting {
	h := &hitting{hit: make(chan struct{}, 1)}
	p.Filter(func(subject string) testutil.Fate {
		if !strings.HasPrefix(subject, kind) {
			return testutil.Deliver
		}
		fate := testutil.Fate(h.armed.Swap(int64(testutil.Deliver)))
		if fate != testutil.Deliver {
			select {
			case h.hit <- struct{}{}:
			default: // nobody waits for it
			}
		}
		return fate
	})
	return h
}

func (h *hitting) arm(fate testutil.Fate) { h.armed.Store(int64(fate)) }

func (h *hitting) wait(t *testing.T) {
	t.Helper()
	comes(t, h.hit)
}

// comes waits for the proxy's word that a message came by.
func comes(t *testing.T, word <-chan struct{}) {
	t.Helper()
	select {
	case <-word:
	case <-time.After(settled):
		t.Fatal("no such message came by")
	}
}

// A deletion that happens while a snapshot is on its way, and arrives first, is
// held: the snapshot does not bring the key back.
func TestEventsAreHeldDuringASnapshot(t *testing.T) {
	p := newPlace(t)
	p.start()
	_, pub := p.owner(lamps)
	for _, key := range []string{"hall", "attic", "cellar"} {
		p.put(pub, key, "on")
	}
	late := hit(p.forNode, wire.InboxRoot)
	n := p.node("panel", args{"headCheck": never})
	late.arm(testutil.Late)
	n.ask("subscribe", args{"name": "s", "pattern": lamps.String()})
	late.wait(t) // the snapshot waits in the proxy, and goes on behind the next message
	if err := pub.Delete(p.context(), "hall"); err != nil {
		t.Fatal(err)
	}
	n.sees("s", lamps.String(), map[string]string{"attic": "on", "cellar": "on"}, settled)
	p.put(pub, "attic", "off")
	n.sees("s", lamps.String(), map[string]string{"attic": "off", "cellar": "on"}, settled)
	for _, told := range n.ask("log", args{"name": "s"}).Log {
		if told.Key == "hall" && !told.Created && !told.Deleted {
			t.Errorf("%+v", told)
		}
	}
	if counts := n.ask("counts", nil).Counts; counts.Snapshots != 1 {
		t.Errorf("what was held was not applied: %+v", counts)
	}
}

// What comes between a snapshot and what is held is missed by neither.
func TestWhatIsHeldMustGoOnFromTheSnapshot(t *testing.T) {
	p := newPlace(t)
	p.start()
	_, pub := p.owner(lamps)
	p.put(pub, "hall", "on")
	var step atomic.Int64 // 1: the answer is to be late, 2: an event is to vanish
	reached := make(chan struct{}, 2)
	p.forNode.Filter(func(subject string) testutil.Fate {
		event := strings.HasPrefix(subject, wire.EventPrefix)
		switch {
		case !event && step.CompareAndSwap(1, 2):
			reached <- struct{}{}
			return testutil.Late
		case event && step.CompareAndSwap(2, 3):
			reached <- struct{}{}
			return testutil.Lose
		}
		return testutil.Deliver
	})
	n := p.node("panel", args{"headCheck": never})
	step.Store(1)
	n.ask("subscribe", args{"name": "s", "pattern": lamps.String()})
	comes(t, reached)
	p.put(pub, "attic", "on") // it vanishes, between the snapshot and the next event
	comes(t, reached)
	p.put(pub, "cellar", "on")
	n.sees("s", lamps.String(), map[string]string{"hall": "on", "attic": "on", "cellar": "on"}, settled)
}

// Nor is what vanishes among what is held.
func TestWhatIsHeldMustBeAChain(t *testing.T) {
	p := newPlace(t)
	p.start()
	_, pub := p.owner(lamps)
	want := map[string]string{}
	put := func(key, value string) {
		t.Helper()
		want[key] = value
		p.put(pub, key, value)
	}
	for i := range 5 {
		put(fmt.Sprint("page ", i), strings.Repeat("x", 100_000))
	}
	var events atomic.Int64
	pulls, came := make(chan struct{}, 1), make(chan struct{}, 1)
	var pulling atomic.Bool
	p.forNode.Filter(func(subject string) testutil.Fate {
		switch {
		case !strings.HasPrefix(subject, wire.EventPrefix):
			if pulling.CompareAndSwap(true, false) { // the first page: the request for the second waits
				p.forNode.Set(testutil.ToServer, testutil.Hold)
				pulls <- struct{}{}
			}
		case events.Add(1) == 2:
			return testutil.Lose
		case events.Load() == 3:
			came <- struct{}{}
		}
		return testutil.Deliver
	})
	n := p.node("panel", args{"headCheck": never})
	pulling.Store(true)
	n.ask("subscribe", args{"name": "s", "pattern": lamps.String()})
	comes(t, pulls)
	put("hall", "on")
	put("attic", "on")
	put("cellar", "on")
	comes(t, came)
	p.forNode.Set(testutil.ToServer, testutil.Flow)
	n.sees("s", lamps.String(), want, settled)
}

func TestAGapIsNoticed(t *testing.T) {
	p := newPlace(t)
	p.start()
	_, pub := p.owner(lamps)
	p.put(pub, "hall", "on")
	p.put(pub, "attic", "on")
	events := hit(p.forNode, wire.EventPrefix)
	n := p.node("panel", args{"headCheck": never})
	n.ask("subscribe", args{"name": "s", "pattern": lamps.String()})
	n.sees("s", lamps.String(), map[string]string{"hall": "on", "attic": "on"}, settled)
	events.arm(testutil.Lose)
	p.put(pub, "hall", "off")
	events.wait(t)
	p.put(pub, "cellar", "on")
	n.sees("s", lamps.String(), map[string]string{"hall": "off", "attic": "on", "cellar": "on"}, settled)
	events.arm(testutil.Repeat)
	p.put(pub, "hall", "on")
	events.wait(t)
	n.sees("s", lamps.String(), map[string]string{"hall": "on", "attic": "on", "cellar": "on"}, settled)
	p.put(pub, "attic", "off")
	n.sees("s", lamps.String(), map[string]string{"hall": "on", "attic": "off", "cellar": "on"}, settled)
	if got := n.ask("counts", nil).Counts; got.Snapshots != 2 {
		t.Errorf("an event that came twice is no gap: %+v", got)
	}
	events.arm(testutil.Late)
	p.put(pub, "hall", "dim")
	events.wait(t)
	p.put(pub, "attic", "dim")
	n.sees("s", lamps.String(), map[string]string{"hall": "dim", "attic": "dim", "cellar": "on"}, settled)
}

func TestALostTailIsFoundByTheHeadCheck(t *testing.T) {
	p := newPlace(t)
	p.start()
	_, pub := p.owner(lamps)
	p.put(pub, "hall", "on")
	events := hit(p.forNode, wire.EventPrefix)
	n := p.node("panel", args{"headCheck": 300})
	n.ask("subscribe", args{"name": "s", "pattern": lamps.String()})
	n.sees("s", lamps.String(), map[string]string{"hall": "on"}, settled)
	events.arm(testutil.Lose)
	if err := pub.Delete(p.context(), "hall"); err != nil {
		t.Fatal(err)
	}
	events.wait(t)
	n.sees("s", lamps.String(), nil, settled)
}

// After a reconnect that missed nothing, no snapshot is pulled.
func TestOnlyWhatHasChangedIsPulledAgain(t *testing.T) {
	p := newPlace(t)
	p.start()
	_, pub := p.owner(lamps)
	p.put(pub, "hall", "on")
	n := p.node("panel", args{"headCheck": never})
	n.ask("subscribe", args{"name": "s", "pattern": lamps.String()})
	n.sees("s", lamps.String(), map[string]string{"hall": "on"}, settled)
	again := func(breaks int) {
		t.Helper()
		testutil.Await(t, settled, "the driver follows again", func() bool {
			return n.ask("counts", nil).Counts.Breaks >= breaks && n.ask("view", args{"name": "s"}).Current
		})
	}
	p.forNode.Cut()
	again(1)
	if got := n.ask("counts", nil).Counts; got.Snapshots != 1 {
		t.Errorf("nothing was missed: %+v", got)
	}
	p.forNode.Refuse(true)
	p.forNode.Cut()
	p.put(pub, "hall", "off")
	p.put(pub, "attic", "on")
	p.forNode.Refuse(false)
	again(2)
	n.sees("s", lamps.String(), map[string]string{"hall": "off", "attic": "on"}, settled)
	if got := n.ask("counts", nil).Counts; got.Snapshots != 2 {
		t.Errorf("one table was missed: %+v", got)
	}
}

// Whoever is told of restart n was told of all that was published before it,
// however slow the handlers are and whatever is conflated or pulled.
func TestARestartMarkComesAfterThePutsBeforeIt(t *testing.T) {
	p := newPlace(t)
	p.start()
	_, pub := p.owner(lamps)
	n := p.node("panel", nil)
	const last = 40
	for _, name := range []string{"held", "prompt"} {
		n.ask("subscribe", args{"name": name, "pattern": lamps.String(), "held": name == "held"})
	}
	for round := 1; round <= last; round++ {
		for key := range 5 {
			p.put(pub, fmt.Sprint("lamp ", (key+round)%5), fmt.Sprint(round))
		}
		p.put(pub, fmt.Sprint("only ", round), fmt.Sprint(last))
		if err := pub.Restarted(p.context(), uint64(round)); err != nil {
			t.Fatal(err)
		}
		p.put(pub, "lamp 0", fmt.Sprint(round, " and on"))
		switch round {
		case last / 2:
			p.forNode.Cut()
		case last * 3 / 4:
			n.ask("resume", args{"name": "held"})
		}
	}
	want := map[string]string{"lamp 0": fmt.Sprint(last, " and on")}
	for key := 1; key < 5; key++ {
		want[fmt.Sprint("lamp ", key)] = fmt.Sprint(last)
	}
	for round := 1; round <= last; round++ {
		want[fmt.Sprint("only ", round)] = fmt.Sprint(last)
	}
	for _, name := range []string{"held", "prompt"} {
		n.sees(name, lamps.String(), want, settled)
		newest := uint64(0)
		for _, told := range n.ask("log", args{"name": name}).Log {
			if told.Mark != "restart" {
				continue
			}
			if told.Restart < newest {
				t.Errorf("%s: restart %d after %d", name, told.Restart, newest)
			}
			newest = told.Restart
			for key, e := range told.Entries {
				var round uint64
				if _, err := fmt.Sscan(string(e.Value), &round); err != nil {
					t.Fatal(err)
				}
				if round < told.Restart {
					t.Errorf("%s: restart %d was told while %s was still of round %d", name, told.Restart, key, round)
				}
			}
			if uint64(len(told.Entries)) < 5+told.Restart {
				t.Errorf("%s: restart %d was told with %d keys", name, told.Restart, len(told.Entries))
			}
		}
		if newest != last {
			t.Errorf("%s: the last restart was %d", name, newest)
		}
	}
}

// Synchronized comes after every key of the first snapshot, and not before an
// owner has opened the table.
func TestSynchronized(t *testing.T) {
	p := newPlace(t)
	p.start()
	n := p.node("panel", nil)
	n.ask("subscribe", args{"name": "s", "pattern": lamps.String()})
	n.ask("subscribe", args{"name": "never", "pattern": notes.String()})
	n.ask("put", args{"table": notes.String(), "key": "k", "value": []byte("v")})
	n.sees("never", notes.String(), map[string]string{"k": "v"}, settled)
	if n.ask("view", args{"name": "never"}).Synced {
		t.Error("nobody has opened the table")
	}
	_, pub := p.owner(lamps)
	p.put(pub, "hall", "on")
	n.sees("s", lamps.String(), map[string]string{"hall": "on"}, settled)
	n.ask("subscribe", args{"name": "later", "pattern": lamps.String()})
	n.sees("later", lamps.String(), map[string]string{"hall": "on"}, settled)
	for name, want := range map[string]string{"s": "synchronized opened hall", "later": "hall synchronized opened"} {
		testutil.Await(t, settled, name+" heard of everything", func() bool { return len(n.ask("log", args{"name": name}).Log) == 3 })
		var got []string
		for _, told := range n.ask("log", args{"name": name}).Log {
			got = append(got, told.Mark+told.Key)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s was told %q, want %q", name, got, want)
		}
	}
}

// Handlers hear of differences alone: not of a value that came back as it was.
func TestNothingIsInvented(t *testing.T) {
	p := newPlace(t)
	p.start()
	_, pub := p.owner(lamps)
	p.put(pub, "hall", "on")
	p.put(pub, "attic", "on")
	n := p.node("panel", args{"headCheck": never})
	n.ask("subscribe", args{"name": "s", "pattern": lamps.String()})
	n.sees("s", lamps.String(), map[string]string{"hall": "on", "attic": "on"}, settled)
	p.forNode.Refuse(true)
	p.forNode.Cut()
	if err := pub.Delete(p.context(), "hall"); err != nil {
		t.Fatal(err)
	}
	p.put(pub, "hall", "on")
	p.put(pub, "attic", "off")
	p.put(pub, "cellar", "on")
	if err := pub.Delete(p.context(), "cellar"); err != nil {
		t.Fatal(err)
	}
	p.forNode.Refuse(false)
	n.sees("s", lamps.String(), map[string]string{"hall": "on", "attic": "off"}, settled)
	var got []string
	for _, told := range n.ask("log", args{"name": "s"}).Log {
		if told.Mark == "" {
			got = append(got, told.Key+" "+string(told.Value))
		}
	}
	if text := strings.Join(got, ", "); text != "hall on, attic on, attic off" {
		t.Errorf("the handlers were told: %s", text)
	}
}

// After a power loss a volatile table is gone, and the store id is the same: its
// keys go, and what comes then is followed.
func TestATableThatIsGone(t *testing.T) {
	p := newPlace(t)
	p.start()
	c := p.client("writer")
	write := func(key string) {
		t.Helper()
		if _, err := c.Put(p.context(), wire.Path{Table: notes, Key: key}, []byte("v")); err != nil {
			t.Fatal(err)
		}
	}
	write("old")
	n := p.node("panel", args{"headCheck": never})
	n.ask("subscribe", args{"name": "s", "pattern": notes.String()})
	n.ask("subscribe", args{"name": "all", "pattern": ">"})
	n.sees("s", notes.String(), map[string]string{"old": "v"}, settled)
	n.sees("all", notes.String(), map[string]string{"old": "v"}, settled)
	p.restart(p.options.VolatileDir)
	n.sees("s", notes.String(), nil, settled)
	n.sees("all", notes.String(), nil, settled)
	if err := c.Wait(p.context()); err != nil {
		t.Fatal(err)
	}
	write("new")
	n.sees("s", notes.String(), map[string]string{"new": "v"}, settled)
	n.sees("all", notes.String(), map[string]string{"new": "v"}, settled)
}

// With another store id everything is compared anew; the owner gives the table
// back what it wants, and the readers hear only of differences.
func TestAnotherStore(t *testing.T) {
	p := newPlace(t)
	p.start()
	n := p.node("lamp", args{"headCheck": never})
	n.ask("publish", args{"table": lamps.String()})
	want := map[string]string{}
	for i := range 20 {
		key := fmt.Sprint("lamp ", i)
		want[key] = "on"
		n.ask("publishPut", args{"table": lamps.String(), "key": key, "value": []byte("on")})
	}
	n.ask("put", args{"table": notes.String(), "key": "k", "value": []byte("v")})
	n.ask("subscribe", args{"name": "lamps", "pattern": lamps.String()})
	n.ask("subscribe", args{"name": "notes", "pattern": notes.String()})
	n.sees("lamps", lamps.String(), want, settled)
	n.sees("notes", notes.String(), map[string]string{"k": "v"}, settled)
	p.restart(p.options.VolatileDir, p.options.StoreDir)
	n.sees("notes", notes.String(), nil, settled)
	n.settled(lamps)
	n.sees("lamps", lamps.String(), want, settled)
	direct := p.client("reader")
	_, entries, err := direct.Snapshot(p.context(), lamps)
	if err != nil || len(entries) != len(want) {
		t.Errorf("the server has %d keys, %v", len(entries), err)
	}
}

// A table of another store may have the very head that is known.
func TestAnotherStoreWithTheSameRevisions(t *testing.T) {
	p := newPlace(t)
	p.start()
	write := func(value string) uint64 {
		t.Helper()
		c := p.client("writer")
		defer c.Close()
		revision, err := c.Put(p.context(), wire.Path{Table: notes, Key: "k"}, []byte(value))
		if err != nil {
			t.Fatal(err)
		}
		return revision
	}
	first := write("old")
	n := p.node("panel", args{"headCheck": never})
	n.ask("subscribe", args{"name": "s", "pattern": notes.String()})
	n.sees("s", notes.String(), map[string]string{"k": "old"}, settled)
	p.forNode.Refuse(true)
	p.forNode.Cut()
	p.restart(p.options.VolatileDir, p.options.StoreDir)
	if second := write("new"); second != first {
		t.Fatalf("revision %d, then %d: the test does not test", first, second)
	}
	p.forNode.Refuse(false)
	n.sees("s", notes.String(), map[string]string{"k": "new"}, settled)
}

// A subscription to several tables follows those that come later, too, and one
// to a key that key alone.
func TestSeveralTablesAndOneKey(t *testing.T) {
	p := newPlace(t)
	p.start()
	other := wire.Table{Agent: "lamp", Topic: "Config", Scope: "a.b"}
	stranger := wire.Table{Agent: "lamp2", Topic: "State"}
	c, pub := p.owner(lamps)
	p.put(pub, "hall", "on")
	n := p.node("panel", args{"headCheck": never})
	n.ask("subscribe", args{"name": "agent", "pattern": "lamp.>"})
	n.ask("subscribe", args{"name": "topic", "pattern": "*.State"})
	n.ask("subscribe", args{"name": "key", "pattern": lamps.String() + ".hall"})
	n.ask("subscribe", args{"name": "keys", "pattern": "*.*.hall"})
	n.sees("agent", lamps.String(), map[string]string{"hall": "on"}, settled)
	pub2, err := c.Open(p.context(), other)
	if err != nil {
		t.Fatal(err)
	}
	_, pub3 := p.owner(stranger)
	for round := range 4 {
		value := fmt.Sprint("round ", round)
		for _, pub := range []*client.Publication{pub, pub2, pub3} {
			p.put(pub, "hall", value)
			p.put(pub, "attic", value)
		}
		whole, one := map[string]string{"hall": value, "attic": value}, map[string]string{"hall": value}
		for name, tables := range map[string][3]map[string]string{
			"agent": {whole, whole, nil}, "topic": {whole, nil, whole}, "key": {one, nil, nil}, "keys": {one, one, one},
		} {
			for i, table := range []wire.Table{lamps, other, stranger} {
				n.sees(name, table.String(), tables[i], settled)
			}
		}
		switch round {
		case 0:
			p.forNode.Cut()
		case 1:
			p.restart()
		}
	}
}

// The events of other keys are no gap for who follows one.
func TestOneKeyAmongOthers(t *testing.T) {
	p := newPlace(t)
	p.start()
	_, pub := p.owner(lamps)
	n := p.node("panel", args{"headCheck": never})
	n.ask("subscribe", args{"name": "s", "pattern": lamps.String() + ".hall"})
	for round := range 10 {
		p.put(pub, "attic", fmt.Sprint(round))
		p.put(pub, "hall", fmt.Sprint(round))
		n.sees("s", lamps.String(), map[string]string{"hall": fmt.Sprint(round)}, settled)
	}
	if counts := n.ask("counts", nil).Counts; counts.Snapshots != 1 {
		t.Errorf("%+v", counts)
	}
}

func TestASnapshotOfManyPages(t *testing.T) {
	p := newPlace(t)
	p.start()
	c, pub := p.owner(lamps)
	want := map[string]string{}
	for i := range 60 {
		key := fmt.Sprint("key ", i)
		want[key] = fmt.Sprint(i, strings.Repeat("\n2 x 1\n", 4000))
		p.put(pub, key, want[key])
	}
	n := p.node("panel", nil)
	n.ask("subscribe", args{"name": "s", "pattern": lamps.String()})
	n.sees("s", lamps.String(), want, settled)
	if counts := n.ask("counts", nil).Counts; counts.Snapshots != 1 || counts.Pages < 5 {
		t.Errorf("%+v", counts)
	}
	a := n.ask("snapshot", args{"table": lamps.String()})
	got := map[string]string{}
	for key, value := range a.Entries {
		got[key] = string(value)
	}
	info, _, err := c.Snapshot(p.context(), lamps)
	if err != nil || a.Revision != info.Head || !maps.Equal(got, want) {
		t.Errorf("%d keys at head %d; Go's has head %d, %v", len(got), a.Revision, info.Head, err)
	}
}
