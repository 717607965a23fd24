package interop

import (
	"errors"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// notes is a table that nobody owns.
var notes = wire.Table{Agent: "nobody", Topic: "Notes"}

func TestAConditionalPut(t *testing.T) {
	p := newPlace(t)
	p.start()
	n := p.node("writer", nil)
	put := func(value string, expect uint64) args {
		return args{"table": notes.String(), "key": "k", "value": []byte(value), "expect": expect}
	}
	first := n.ask("put", put("1", 0)).Revision
	if f := n.fails("revision", "put", put("2", 0)); f.Status != 412 || f.Revision != first {
		t.Errorf("%+v, want the revision %d", f, first)
	}
	second := n.ask("put", put("2", first)).Revision
	n.fails("revision", "put", put("3", first))
	n.fails("revision", "delete", args{"table": notes.String(), "key": "k", "expect": first})
	n.ask("delete", args{"table": notes.String(), "key": "k", "expect": second})
	if f := n.fails("revision", "put", put("3", second)); f.Revision != 0 {
		t.Errorf("%+v, want no revision", f)
	}
}

func TestEmptyAndAbsentValues(t *testing.T) {
	p := newPlace(t)
	p.start()
	n := p.node("writer", nil)
	n.ask("subscribe", args{"name": "s", "pattern": notes.String()})
	if a := n.ask("get", args{"table": notes.String(), "key": "k"}); a.Found {
		t.Errorf("%+v", a)
	}
	n.ask("put", args{"table": notes.String(), "key": "k", "value": []byte{}})
	n.sees("s", notes.String(), map[string]string{"k": ""}, settled)
	n.ask("subscribe", args{"name": "later", "pattern": notes.String()})
	n.sees("later", notes.String(), map[string]string{"k": ""}, settled)
	if a := n.ask("get", args{"table": notes.String(), "key": "k"}); !a.Found || len(a.Value) != 0 {
		t.Errorf("%+v", a)
	}
	e, err := p.client("reader").Get(p.context(), wire.Path{Table: notes, Key: "k"})
	if err != nil || len(e.Value) != 0 {
		t.Errorf("%+v, %v", e, err)
	}
	n.ask("delete", args{"table": notes.String(), "key": "k"})
	n.sees("s", notes.String(), nil, settled)
	n.fails("not-found", "delete", args{"table": notes.String(), "key": "k"})
}

// A value over the limit is refused before it is sent, the connection lives, and
// what was wanted stays.
func TestATooLargeValue(t *testing.T) {
	p := newPlace(t)
	p.options.MaxValue = 100_000
	p.start()
	n := p.node("lamp", nil)
	n.ask("publish", args{"table": lamps.String()})
	largest, over := make([]byte, 100_000), make([]byte, 100_001)
	n.ask("publishPut", args{"table": lamps.String(), "key": "k", "value": largest})
	before := n.ask("counts", nil).Counts
	n.fails("too-large", "publishPut", args{"table": lamps.String(), "key": "k", "value": over})
	n.fails("too-large", "publishPut", args{"table": lamps.String(), "key": "new", "value": over})
	n.fails("too-large", "put", args{"table": notes.String(), "key": "k", "value": over})
	if after := n.ask("counts", nil).Counts; after != before {
		t.Errorf("%+v, then %+v", before, after)
	}
	p.forNode.Refuse(true)
	p.forNode.Cut()
	n.fails("too-large", "publishPut", args{"table": lamps.String(), "key": "k", "value": over})
	p.forNode.Refuse(false)
	n.settled(lamps)
	wanted := n.ask("wanted", args{"table": lamps.String()})
	if got := wanted.Entries["k"]; !wanted.Settled || len(wanted.Entries) != 1 || len(got) != len(largest) {
		t.Errorf("%d keys, of %d bytes", len(wanted.Entries), len(got))
	}
}

func TestKeysOfAnyText(t *testing.T) {
	p := newPlace(t)
	p.start()
	n := p.node("lamp", nil)
	names := keys()
	random := rand.New(rand.NewPCG(testutil.Seed(t), 3))
	for range 300 {
		var b strings.Builder
		for range 1 + random.IntN(20) {
			b.WriteString(string(rune(random.IntN([]int{0x80, 0x800, 0xd800, 0x10ffff}[random.IntN(4)]))))
		}
		names = append(names, b.String())
	}
	for i, name := range n.ask("encode", args{"names": names}).Names {
		if want := wire.EncodeToken(names[i]); name[0] != want || name[1] != names[i] {
			t.Errorf("%q is encoded as %q, want %q, which is decoded to %q", names[i], name[0], want, name[1])
		}
	}
	for _, bad := range []string{"", strings.Repeat("x", 256), strings.Repeat("ü", 128)} {
		n.fails("invalid", "encode", args{"names": []string{bad}})
	}
	n.ask("publish", args{"table": lamps.String()})
	n.ask("subscribe", args{"name": "s", "pattern": lamps.String()})
	want := map[string]string{}
	for _, key := range keys() {
		want[key] = "of " + key
		n.ask("publishPut", args{"table": lamps.String(), "key": key, "value": []byte(want[key])})
	}
	n.sees("s", lamps.String(), want, settled)
	n.ask("subscribe", args{"name": "later", "pattern": lamps.String()})
	n.sees("later", lamps.String(), want, settled)
	_, entries, err := p.client("reader").Snapshot(p.context(), lamps)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range entries {
		got[e.Path.Key] = string(e.Value)
	}
	if !maps.Equal(got, want) {
		t.Errorf("Go finds %d keys, want %d", len(got), len(want))
	}
}

func TestATableIsOwnedByOne(t *testing.T) {
	p := newPlace(t)
	p.start()
	c, pub := p.owner(lamps)
	p.put(pub, "hall", "on")
	n := p.node(lamps.Agent, nil)
	if f := n.fails("owned", "publish", args{"table": lamps.String()}); f.Status != 409 {
		t.Errorf("%+v", f)
	}
	if f := n.fails("owned", "put", args{"table": lamps.String(), "key": "hall", "value": []byte("off")}); f.Status != 409 {
		t.Errorf("%+v", f)
	}
	n.fails("not-owner", "publish", args{"table": notes.String()})
	n.fails("closed", "publishPut", args{"table": notes.String(), "key": "hall", "value": []byte("off")})
	c.Close()
	n.ask("publish", args{"table": lamps.String()})
	wanted := n.ask("wanted", args{"table": lamps.String()}).Entries
	if string(wanted["hall"]) != "on" {
		t.Errorf("the keys that it never knew were not adopted: %q", wanted)
	}
}

// A fence that another has made old is refused; the owner opens the table again
// when it can, and sends what is wanted under the new one.
func TestAnOldFence(t *testing.T) {
	p := newPlace(t)
	p.start()
	n := p.node(lamps.Agent, nil)
	old := n.ask("publish", args{"table": lamps.String()}).Fence
	n.ask("publishPut", args{"table": lamps.String(), "key": "hall", "value": []byte("on")})
	n.ask("publishPut", args{"table": lamps.String(), "key": "attic", "value": []byte("on")})
	operator := p.client("operator")
	fence, err := operator.Take(p.context(), lamps, false)
	if err != nil {
		t.Fatal(err)
	}
	if f := n.fails("fence", "put", args{"table": lamps.String(), "key": "hall", "value": []byte("off"), "fence": old}); f.Status != 412 {
		t.Errorf("%+v", f)
	}
	if _, err := operator.Put(p.context(), wire.Path{Table: lamps, Key: "hall"}, []byte("by force"), client.Fence(fence)); err != nil {
		t.Fatal(err)
	}
	later := n.begin("publishPut", args{"table": lamps.String(), "key": "cellar", "value": []byte("on")})
	if err := operator.Release(p.context(), lamps, fence); err != nil {
		t.Fatal(err)
	}
	if a := n.wait(later, settled); a.Error != nil {
		t.Errorf("%+v", *a.Error)
	}
	if again := n.settled(lamps); again <= fence {
		t.Errorf("fence %d after %d", again, fence)
	}
	for _, key := range []string{"hall", "attic", "cellar"} {
		if e, err := operator.Get(p.context(), wire.Path{Table: lamps, Key: key}); err != nil || string(e.Value) != "on" {
			t.Errorf("%s is %q, %v", key, e.Value, err)
		}
	}
}

// What is wanted while there is no connection is not sent under the old fence,
// and not lost; nor is a change that was sent and not answered.
func TestWhatWasNotAnsweredStaysWanted(t *testing.T) {
	p := newPlace(t)
	p.start()
	answers := hit(p.forNode, wire.InboxRoot)
	n := p.node(lamps.Agent, args{"timeout": 500})
	old := n.ask("publish", args{"table": lamps.String()}).Fence
	n.ask("publishPut", args{"table": lamps.String(), "key": "hall", "value": []byte("on")})
	p.forNode.Refuse(true)
	p.forNode.Cut()
	n.fails("no-answer", "publishPut", args{"table": lamps.String(), "key": "attic", "value": []byte("on")})
	n.fails("no-answer", "publishDelete", args{"table": lamps.String(), "key": "hall"})
	n.fails("disconnected", "put", args{"table": notes.String(), "key": "k", "value": []byte("lost")})
	p.forNode.Refuse(false)
	second := n.settled(lamps)
	if second <= old {
		t.Errorf("fence %d after %d", second, old)
	}
	reader := p.client("reader")
	has := func(key, want string) {
		t.Helper()
		e, err := reader.Get(p.context(), wire.Path{Table: lamps, Key: key})
		if want == "" && !errors.Is(err, client.ErrNotFound) || want != "" && (err != nil || string(e.Value) != want) {
			t.Errorf("%s is %q, %v", key, e.Value, err)
		}
	}
	has("attic", "on")
	has("hall", "")
	if _, err := reader.Get(p.context(), wire.Path{Table: notes, Key: "k"}); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("a put waited for the connection: %v", err)
	}
	answers.arm(testutil.Lose) // the connection lives, and one answer vanishes
	put := n.begin("publishPut", args{"table": lamps.String(), "key": "attic", "value": []byte("off")})
	answers.wait(t)
	n.wait(put, settled)
	if third := n.settled(lamps); third <= second {
		t.Errorf("fence %d after %d", third, second)
	}
	has("attic", "off")
}

// The restart counter changes after all that was wanted before it, answered or not.
func TestTheOwnersMarkComesAfterItsPuts(t *testing.T) {
	p := newPlace(t)
	p.start()
	n := p.node(lamps.Agent, nil)
	n.ask("publish", args{"table": lamps.String()})
	sub, err := p.client("panel").Subscribe(lamps.String())
	if err != nil {
		t.Fatal(err)
	}
	var begun []*call
	for i := range 50 {
		begun = append(begun, n.begin("publishPut", args{"table": lamps.String(), "key": strconv.Itoa(i), "value": []byte("on")}))
	}
	begun = append(begun,
		n.begin("publishRestarted", args{"table": lamps.String(), "restart": 1}),
		n.begin("publishPut", args{"table": lamps.String(), "key": "after", "value": []byte("on")}))
	seen := map[string]bool{}
	for restarted := false; !restarted; {
		change, ok := sub.Next()
		if !ok {
			if err := sub.Wait(p.context()); err != nil {
				t.Fatal(err)
			}
			continue
		}
		switch change.Op {
		case client.Put:
			seen[change.Key] = true
		case client.Restarted:
			restarted = true
		}
	}
	for i := range 50 {
		if !seen[strconv.Itoa(i)] {
			t.Errorf("the mark came before key %d", i)
		}
	}
	for _, c := range begun {
		if a := n.wait(c, settled); a.Error != nil {
			t.Errorf("%+v", *a.Error)
		}
	}
}

// Whoever waits for an answer hears at once that the connection broke.
func TestABreakEndsTheWaiting(t *testing.T) {
	p := newPlace(t)
	p.start()
	n := p.node(lamps.Agent, args{"timeout": never})
	n.ask("publish", args{"table": lamps.String()})
	p.forNode.Set(testutil.ToServer, testutil.Hold)
	sent := n.ask("counts", nil).Counts.Requests
	put := n.begin("put", args{"table": notes.String(), "key": "k", "value": []byte("v")})
	published := n.begin("publishPut", args{"table": lamps.String(), "key": "hall", "value": []byte("on")})
	testutil.Await(t, settled, "the requests are sent", func() bool { return n.ask("counts", nil).Counts.Requests == sent+2 })
	p.forNode.Cut()
	p.forNode.Set(testutil.ToServer, testutil.Flow)
	if a := n.wait(put, settled); a.Error == nil || a.Error.Reason != "no-answer" {
		t.Errorf("%+v", a.Error)
	}
	if a := n.wait(published, settled); a.Error != nil {
		t.Errorf("%+v", *a.Error)
	}
}

// Whoever closes gives its tables up at once, with the connection or without.
func TestClosing(t *testing.T) {
	p := newPlace(t)
	p.options.OwnerGrace = time.Hour
	p.start()
	n := p.node(lamps.Agent, nil)
	n.ask("publish", args{"table": lamps.String()})
	n.ask("publishPut", args{"table": lamps.String(), "key": "hall", "value": []byte("on")})
	n.ask("subscribe", args{"name": "s", "pattern": ">"})
	n.ask("close", nil)
	_, pub := p.owner(lamps)
	if value, ok := pub.Get("hall"); !ok || string(value) != "on" {
		t.Errorf("the keys do not stay: %q, %t", value, ok)
	}
	away := p.node("panel", nil)
	away.ask("publish", args{"table": wire.Table{Agent: "panel", Topic: "State"}.String()})
	p.forNode.Refuse(true)
	p.forNode.Cut()
	away.ask("close", nil)
}

func TestProbesAreAnswered(t *testing.T) {
	p := newPlace(t)
	p.start()
	_, pub := p.owner(lamps)
	p.put(pub, "hall", "on")
	n := p.node("panel", nil)
	n.ask("subscribe", args{"name": "s", "pattern": lamps.String()})
	n.sees("s", lamps.String(), map[string]string{"hall": "on"}, settled)
	testutil.Await(t, settled, "all is handled", func() bool { return n.ask("view", args{"name": "s"}).Current })
	trace, err := p.client("operator").Trace(p.context(), lamps)
	if err != nil || len(trace.Listeners) != 1 {
		t.Fatalf("%+v, %v", trace, err)
	}
	l := trace.Listeners[0]
	if l.Agent != "panel" || l.RTT <= 0 || l.State == nil || !l.State.Synchronized || l.State.Handled[lamps.String()] != trace.Table.Head || l.State.Pending != 0 {
		t.Errorf("%+v, %+v", l, l.State)
	}
}
