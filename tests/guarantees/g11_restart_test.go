package guarantees

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/evenkv/nkv/internal/testutil"
)

// G11 server restart. Volatile tables are there again after `kill -9` of the
// server; no subscription sees a deletion, a creation or an older value because
// of it.

// TestG11Restart kills the server under readers, an owner that stays, and a table
// whose owner has left.
func TestG11Restart(t *testing.T) {
	rounds := 6
	if testutil.Long() {
		rounds = 100
	}
	random := testutil.Rand(t)
	p := newPlace(t)
	process := p.run()
	left := items().In("left behind")
	gone, leaving := ownerAgent(t, p.url(), left)
	for i := range 30 {
		publish(t, leaving, key(i), Item{i + 1, "left"})
	}
	if err := leaving.Restarted(testContext(t)); err != nil {
		t.Fatal(err)
	}
	leftBehind := maps.Collect(leaving.All())
	gone.Close()
	pub := owner(t, p.url(), items())
	for i := range 30 {
		publish(t, pub, key(i), Item{i + 1, "kept"})
	}
	if err := pub.Restarted(testContext(t)); err != nil {
		t.Fatal(err)
	}
	of := newReader(t, p.url(), items(), "reader", readerOptions{})
	ofLeft := newReader(t, p.url(), left, "reader of the left", readerOptions{})
	awaitView(t, of, maps.Collect(pub.All()))
	awaitView(t, ofLeft, leftBehind)
	for i := range rounds {
		what := fmt.Sprint("round ", i)
		before := [2]int{len(of.history.all()), len(ofLeft.history.all())}
		head := mustHead(t, p.raw(t), items().Name())
		process.Kill()
		time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond) // how long it is gone, not a condition
		process = p.run()
		c := p.raw(t)
		if got := table(t, c, left.Name()); len(got) != len(leftBehind) {
			t.Errorf("%s: %d of %d keys are there of a table whose owner has left", what, len(got), len(leftBehind))
		}
		if got := table(t, c, items().Name()); len(got) != pub.Len() {
			t.Errorf("%s: %d of %d keys are there at once", what, len(got), pub.Len())
		}
		if now := mustHead(t, c, items().Name()); now < head {
			t.Errorf("%s: the head was %d and is %d", what, head, now)
		}
		// The change after the kill is the only one that anybody is told.
		publish(t, pub, "after", Item{1000 + i, "after"})
		awaitView(t, of, maps.Collect(pub.All()))
		awaitView(t, ofLeft, leftBehind)
		for j, r := range []*reader{of, ofLeft} {
			for _, call := range r.history.all()[before[j]:] {
				if call.key != "after" || call.op == "delete" {
					t.Errorf("%s: %s was called because of a kill: %s", what, r.name, call)
				}
			}
		}
		c.Close()
	}
	if n := of.history.count("create"); n != pub.Len() {
		t.Errorf("%d creations of %d keys", n, pub.Len())
	}
	if counts := [2]int{of.history.count("restarted"), ofLeft.history.count("restarted")}; counts != [2]int{1, 1} {
		t.Errorf("restarts were told %v times", counts)
	}
}

// TestG11RestartUnderStorm kills the server while everything changes.
func TestG11RestartUnderStorm(t *testing.T) {
	p := newPlace(t)
	process := p.run()
	pub := owner(t, p.url(), items())
	r := newReader(t, p.url(), items(), "reader", readerOptions{})
	s := startStorm(t, pub, 30)
	for range 5 {
		s.until(t, 60)
		process.Kill()
		process = p.run()
	}
	s.until(t, 20)
	want := s.finish(t, p)
	awaitView(t, r, want)
	testutil.Await(t, settled, "synchronized", r.sub.Synchronized)
}
