package bridge

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/tests/migration/original"
)

// The original ends its process where a socket answers: so one does while the
// owner is there, and none does as soon as it is gone, long before its grace is
// over. Who is served stays, and hears of whoever comes next.
func TestAgentChangesSides(t *testing.T) {
	for _, durable := range []bool{false, true} {
		b := newBench(t)
		var options []client.OpenOption
		if durable {
			options = append(options, client.DurableTable())
		}
		d, pub := b.own(status, options...)
		s := b.subscribe(status, nil)
		b.must(pub.Put(t.Context(), "k", []byte(value(1))))
		b.must(pub.Put(t.Context(), "gone", []byte(value(1))))
		b.must(pub.Restarted(t.Context(), 1))
		b.sees(s, map[string]string{"k": value(1), "gone": value(1)})
		if p, err := original.Publish(b.root, status, durable); !errors.Is(err, original.ErrInUse) {
			t.Fatalf("an old publisher started beside the owner: %v, %v", p, err)
		}

		start := time.Now()
		d.cut(true)
		p := b.publish(status, durable)
		b.must(p.Publish("k", value(2)))
		b.must(p.Unpublish("gone"))
		b.must(p.Restarted(2))
		b.sees(s, map[string]string{"k": value(2)})
		b.await("the counter comes", func() bool { return s.Counter() == 2 })
		b.holds(status, map[string]string{"k": value(2)})
		if s.Connections() != 1 {
			t.Errorf("the old subscriber was cut: %d connections", s.Connections())
		}
		other := b.subscribe(status, nil) // of the old publisher itself
		b.sees(other, map[string]string{"k": value(2)})

		p.Kill()
		_, pub = b.own(status, options...)
		b.must(pub.Put(t.Context(), "k2", []byte(value(3))))
		want := map[string]string{"k": value(2), "k2": value(3)}
		b.sees(s, want)
		b.sees(other, want)
		if took := time.Since(start); took > patience {
			t.Errorf("it took %s", took)
		}
		if s.Connections() != 1 {
			t.Errorf("the old subscriber was cut: %d connections", s.Connections())
		}
	}
}

// An owner whose connection breaks and comes back finds its table.
func TestOwnerComesBack(t *testing.T) {
	b := newBench(t)
	d, pub := b.own(status)
	s := b.subscribe(status, nil)
	b.must(pub.Put(t.Context(), "k", []byte(value(1))))
	b.sees(s, map[string]string{"k": value(1)})
	for n := range 20 {
		d.cut(false)
		pub.Put(t.Context(), "k", []byte(value(n))) //nolint:errcheck // it stays wanted
	}
	b.sees(s, map[string]string{"k": value(19)})
	if s.Connections() != 1 {
		t.Errorf("the old subscriber was cut: %d connections", s.Connections())
	}
	b.sees(b.subscribe(status, nil), map[string]string{"k": value(19)})
}

// While an agent publishes on both sides, which it should not, that is said, and
// the client's side wins.
func TestBothSidesAtOnce(t *testing.T) {
	b := newBench(t)
	_, pub := b.own(status)
	b.bridge.Close() // so that the socket is free
	p := b.publish(status, false)
	b.must(p.Publish("k", value(1)))
	b.must(pub.Put(t.Context(), "k", []byte(value(2))))
	b.start()
	b.says("stop one of the two")
	b.must(p.Publish("k", value(3)))
	b.holds(status, map[string]string{"k": value(2)})
	b.must(pub.Close(t.Context()))
	b.holds(status, map[string]string{"k": value(3)})
	p.Kill()
	_, pub = b.own(status)
	b.must(pub.Put(t.Context(), "k", []byte(value(4))))
	b.sees(b.subscribe(status, nil), map[string]string{"k": value(4)})
}

// An agent whose tables are on both sides: some are moved already.
func TestTablesOfOneAgentOnBothSides(t *testing.T) {
	b := newBench(t)
	moved := original.Name{Agent: status.Agent, Topic: "Moved"}
	_, pub := b.own(moved)
	for n := range 5 {
		p := b.publish(status, n%2 == 0)
		b.must(p.Publish("k", value(n)))
		b.holds(status, map[string]string{"k": value(n)})
		b.must(pub.Put(t.Context(), "k", []byte(value(n))))
		b.sees(b.subscribe(moved, nil), map[string]string{"k": value(n)})
		p.Kill()
		b.await("the table is free", func() bool { info, _ := b.snapshot(status); return !info.Open })
	}
	b.await("the agent's client is closed", func() bool {
		b.bridge.agents.mu.Lock()
		defer b.bridge.agents.mu.Unlock()
		return len(b.bridge.agents.byName) == 0
	})
}

// Everything that a table had is forgotten when neither side has it any more.
func TestPlacesAreForgotten(t *testing.T) {
	b := newBench(t)
	for n := range 20 {
		name := original.Name{Agent: fmt.Sprint("agent", n), Topic: "T"}
		_, pub := b.own(name)
		b.must(pub.Put(t.Context(), "k", []byte(value(n))))
		b.await("the socket is there", func() bool { return b.socketIsThere(name) })
		b.must(pub.Close(t.Context()))
	}
	b.await("no place is left", func() bool {
		b.bridge.mu.Lock()
		defer b.bridge.mu.Unlock()
		return len(b.bridge.places) == 0
	})
}

// A publisher that came and went before anybody could follow it has changed the
// table all the same, for readers and for whoever opens it next.
func TestPublisherThatNobodyFollowed(t *testing.T) {
	for _, durable := range []bool{false, true} {
		publisherThatNobodyFollowed(t, durable)
	}
}

func publisherThatNobodyFollowed(t *testing.T, durable bool) {
	b := newBench(t)
	var options []client.OpenOption
	if durable {
		options = append(options, client.DurableTable())
	}
	// One in a directory that is new may come and go unseen, but for openings.
	b.must(os.MkdirAll(filepath.Dir(status.Socket(b.root)), 0o700))
	b.publish(original.Name{Agent: status.Agent, Topic: "First"}, false)
	b.await("the directory is watched", func() bool {
		info, _ := b.snapshot(original.Name{Agent: status.Agent, Topic: "First"})
		return info.Open
	})
	want := map[string]string{}
	for n := range 50 {
		p := b.publish(status, durable)
		key := fmt.Sprint(n % 7)
		want[key] = value(n)
		b.must(p.Publish(key, want[key]))
		b.must(p.Restarted(n + 1))
		p.Kill()
		if n%3 == 0 {
			b.must(os.Remove(status.Socket(b.root))) // as after an end in peace
		}
		if n%2 == 0 {
			b.holds(status, want)
			continue
		}
		d, pub := b.own(status, options...)
		got := map[string]string{}
		for key, value := range pub.All() {
			got[key] = string(value)
		}
		if diff := cmp.Diff(want, got); diff != "" || pub.Restarts() != uint64(n+1) {
			t.Fatalf("after publisher %d, restarts %d (-want +got):\n%s", n, pub.Restarts(), diff)
		}
		want["moved"] = value(n)
		b.must(pub.Put(t.Context(), "moved", []byte(want["moved"])))
		d.cut(true)
	}
}

// An opening that comes while there is no bridge waits for the next one.
func TestGateWithoutABridge(t *testing.T) {
	b := newBench(t)
	b.bridge.Close()
	opened := make(chan struct{})
	b.gate.Open(table(status), nkv.Instance{ID: "x"}, func(answered func()) {
		close(opened)
		answered()
	})
	p := b.publish(status, false) // it came and went unseen
	b.must(p.Publish("k", value(1)))
	p.Kill()
	select {
	case <-opened:
		t.Error("it did not wait for the bridge")
	default:
	}
	b.start()
	<-opened
	b.holds(status, map[string]string{"k": value(1)})
}
