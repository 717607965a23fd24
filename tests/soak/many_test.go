package soak

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/pkg/wire"
)

// A crowd. crowdEach bounds what one of a crowd's connections, with its subscriptions, takes
// of the server's memory while all of them come at once. Go's collector lets the
// heap be twice what lives.
const (
	crowdConnections = 1000
	crowdTables      = 10 // that each of them follows
	crowdEach        = 160 << 10
)

// crowd is 1000 connections with 10 subscriptions each.
func crowd(t testing.TB, p *place, s *steady, _ int) func() {
	before := p.descriptors()
	players := p.play(t, "crowd", fmt.Sprint(crowdConnections), fmt.Sprint(crowdTables))
	s.windows(3) // it is those that are there which are measured, not their coming
	if n := p.descriptors() - before; n < crowdConnections {
		t.Errorf("%d connections came", n)
	}
	return func() {
		players.end()
		becomes(t, "the crowd is gone", func() bool { return p.descriptors() <= before })
	}
}

// comingAndGoing opens 100 connections a second, which subscribe, ask, and are
// gone without a word.
func comingAndGoing(t testing.TB, p *place, _ *steady, _ int) func() {
	before := p.descriptors()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	var came atomic.Int64
	for range 4 {
		running.Go(func() {
			atRate(ctx, 25, new(atomic.Int64), func(int, time.Time) {
				g, err := greet(p.options.Socket, "visitor")
				if err != nil {
					t.Error(err)
					return
				}
				defer g.Close()
				if _, err := fmt.Fprintf(g, "SUB %s 1\r\nPING\r\n", wire.TableEvents("crowd.Sample")); err != nil {
					t.Error(err)
				}
				if _, err := g.in.ReadString('\n'); err != nil {
					t.Error(err)
				}
				came.Add(1)
			})
		})
	}
	begun := time.Now()
	return func() {
		cancel()
		running.Wait()
		if rate := float64(came.Load()) / time.Since(begun).Seconds(); rate < 50 {
			t.Errorf("%.0f connections a second came", rate)
		}
		becomes(t, "the visitors are forgotten", func() bool { return p.descriptors() <= before })
	}
}

const (
	manyKeysCount = 100_000
	// manyKeysEach bounds what a key of some 100 bytes takes of the server's memory
	// while all of them are put and read; see crowdEach.
	manyKeysEach = 2 << 10
)

var manyTable = wire.Table{Agent: "many", Topic: "Key"}

// manyKeys makes a table of 100,000 keys. A process has read all of
// them and follows them, and changes some all the time.
func manyKeys(t testing.TB, p *place, s *steady, _ int) func() {
	fill(t, p)
	users := p.play(t, "many", manyTable.String(), fmt.Sprint(manyKeysCount))
	return func() {
		users.end()
		ctx := testContext(t)
		info, _, err := s.bulk.Snapshot(ctx, manyTable)
		if err != nil || info.Keys != manyKeysCount {
			t.Errorf("the table has %d keys, %v", info.Keys, err)
		}
		if n, err := s.bulk.Clear(ctx, manyTable); err != nil || n != manyKeysCount {
			t.Errorf("%d keys were cleared, %v", n, err)
		}
	}
}

// fill puts all keys without waiting for each answer.
func fill(t testing.TB, p *place) {
	instance := rand.Text()
	nc, err := nats.Connect("nats://127.0.0.1:1", nats.SetCustomDialer(socketDialer(p.options.Socket)), nats.Token(instance))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	answers := make(chan bool, 1000)
	if _, err := nc.Subscribe(wire.InboxPrefix(instance)+".>", func(m *nats.Msg) { answers <- m.Header.Get(wire.HeaderStatus) == "200" }); err != nil {
		t.Fatal(err)
	}
	pad := strings.Repeat("x", 80)
	unanswered := 0
	wait := func(most int) {
		for ; unanswered > most; unanswered-- {
			select {
			case ok := <-answers:
				if !ok {
					t.Fatal("a put was refused")
				}
			case <-time.After(10 * time.Second):
				t.Fatal("a put has no answer")
			}
		}
	}
	for i := range manyKeysCount {
		value, err := json.Marshal(Sample{N: i, Pad: pad})
		if err != nil {
			t.Fatal(err)
		}
		subject := wire.Subject(wire.VerbPut, wire.Path{Table: manyTable, Key: fmt.Sprint("k", i)}.String())
		if err := nc.PublishMsg(&nats.Msg{Subject: subject, Reply: wire.InboxPrefix(instance) + ".a", Data: value}); err != nil {
			t.Fatal(err)
		}
		unanswered++
		wait(500)
	}
	wait(0)
}
