package server_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/wire"
)

// TestTraceShowsWhoListens traces a table with an owner and listeners of every
// kind.
func TestTraceShowsWhoListens(t *testing.T) {
	t.Parallel() // it mostly waits
	s := start(t, server.Options{})
	table := wire.Table{Agent: "a", Topic: "T"}
	owner := connect(t, "", client.InProcess(s), client.Name("a"))
	p, err := owner.Open(within(t), table, client.OwnerFingerprint("one"))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"k", "l"} {
		if err := p.Put(within(t), key, []byte("v")); err != nil {
			t.Fatal(err)
		}
	}
	reader := connect(t, "", client.InProcess(s), client.Name("reader"))
	for _, sub := range []struct{ pattern, fingerprint string }{
		{"a.T", "one"}, {"a.T", "two"}, {"a.T.k", ""}, {"a.>", ""}, {">", ""}, {"*.T", ""}, {"a.U", ""}, {"b.>", ""},
	} {
		drained, err := reader.Subscribe(sub.pattern, client.ReaderFingerprint(sub.fingerprint))
		if err != nil {
			t.Fatal(err)
		}
		defer drained.Close()
	}
	raw, err := nats.Connect("", nats.InProcessServer(s), nats.Name("raw"))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	mute := meet(t, s, "mute")
	for nc, subjects := range map[*nats.Conn][]string{
		raw:       {"nkv.v1.event.>", "nkv.v1.event.a.T.k", "nkv.v1.event.b.T.*", "nkv.v1.event.a.T.$mark"},
		mute.Conn: {"nkv.v1.event.a.*.*", "nkv.v1.event.*.T.l"},
	} {
		for _, subject := range subjects {
			if _, err := nc.SubscribeSync(subject); err != nil {
				t.Fatal(err)
			}
		}
		if err := nc.FlushTimeout(patience); err != nil {
			t.Fatal(err)
		}
	}
	asker := connect(t, "", client.InProcess(s), client.Name("asker"))

	// What is compared; the numbers vary.
	type line struct {
		Agent, Subject, Pattern, Fingerprint string
		Differs                              bool
	}
	want := []line{
		{"mute", "nkv.v1.event.*.T.l", "", "", false},
		{"mute", "nkv.v1.event.a.*.*", "", "", false},
		{"raw", "nkv.v1.event.>", "", "", false},
		{"raw", "nkv.v1.event.a.T.k", "", "", false},
		{"reader", "nkv.v1.event.*.T.*", "*.T", "", false},
		{"reader", "nkv.v1.event.>", ">", "", false},
		{"reader", "nkv.v1.event.a.*.*", "a.>", "", false},
		{"reader", "nkv.v1.event.a.T.*", "a.T", "one", false},
		{"reader", "nkv.v1.event.a.T.*", "a.T", "two", true},
		{"reader", "nkv.v1.event.a.T.*", "a.T.k", "", false},
	}
	var trace wire.TraceAnswer
	head := uint64(0)
	testutil.Await(t, patience, "all have the table", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if trace, err = asker.Trace(ctx, table); err != nil {
			t.Fatal(err)
		}
		head = trace.Table.Head
		for _, l := range trace.Listeners {
			if l.State != nil && l.State.Heads["a.T"] != head {
				return false
			}
		}
		return true
	})
	var got []line
	for _, l := range trace.Listeners {
		seen := line{Agent: l.Agent, Subject: l.Subject, Differs: l.Differs}
		if l.State != nil {
			seen.Pattern, seen.Fingerprint = l.State.Pattern, l.State.Fingerprint
			if l.RTT <= 0 || l.RTT > time.Second {
				t.Errorf("%s of %s answered within %s", l.Subject, l.Agent, l.RTT)
			}
		} else if l.RTT != 0 {
			t.Errorf("%s of %s did not answer, within %s", l.Subject, l.Agent, l.RTT)
		}
		if l.Connection == 0 {
			t.Errorf("%s of %s has no connection", l.Subject, l.Agent)
		}
		got = append(got, seen)
	}
	slices.SortFunc(got, func(a, b line) int {
		return cmp.Or(strings.Compare(a.Agent, b.Agent), strings.Compare(a.Subject, b.Subject), strings.Compare(a.Pattern, b.Pattern), strings.Compare(a.Fingerprint, b.Fingerprint))
	})
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("listeners (-want +got):\n%s", diff)
	}
	if o := trace.Owner; o == nil || o.Agent != "a" || o.Connection == 0 || time.Since(o.Since) > time.Minute || time.Since(o.Since) < 0 {
		t.Errorf("owner: %+v", o)
	}
	if trace.Table.Table != "a.T" || trace.Table.Keys != 2 || trace.Table.Fingerprint != "one" || !trace.Table.Connected {
		t.Errorf("table: %+v", trace.Table)
	}
	if n := s.Probes(); n != 0 {
		t.Errorf("%d probes wait after the trace", n)
	}
}

// TestTraceOfAnAbsentOwner: the owner's connection is gone, its claim lasts.
func TestTraceOfAnAbsentOwner(t *testing.T) {
	s := start(t, server.Options{OwnerGrace: time.Minute})
	owner, asker := meet(t, s, "a"), meet(t, s, "b")
	owner.open("a.T")
	owner.Close()
	awaitSessions(t, s, 1)
	var trace wire.TraceAnswer
	testutil.Await(t, patience, "the core knows", func() bool {
		trace = wire.TraceAnswer{}
		decode(t, asker.done("nkv.v1.trace.a.T", nil, ""), &trace)
		return !trace.Table.Connected
	})
	if trace.Owner == nil || trace.Owner.Agent != "a" || trace.Owner.Connection != 0 || !trace.Table.Open {
		t.Errorf("owner: %+v, table: %+v", trace.Owner, trace.Table)
	}
}

// TestTracesAtOnceAreBounded asks for more than may be under way, while a
// listener keeps each waiting.
func TestTracesAtOnceAreBounded(t *testing.T) {
	t.Parallel() // it mostly waits
	s := start(t, server.Options{})
	mute := meet(t, s, "mute")
	if _, err := mute.SubscribeSync("nkv.v1.event.>"); err != nil {
		t.Fatal(err)
	}
	if err := mute.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
	asker := meet(t, s, "b")
	outcomes := make(chan string, 2*server.TracesAtOnce)
	var all sync.WaitGroup
	for range cap(outcomes) {
		all.Go(func() {
			m, err := asker.Request("nkv.v1.trace.a.T", nil, patience)
			if err != nil {
				t.Error(err)
				return
			}
			outcomes <- outcome(m)
		})
	}
	all.Wait()
	close(outcomes)
	count := map[string]int{}
	for o := range outcomes {
		count[o]++
	}
	want := map[string]int{"200": server.TracesAtOnce, "503 unavailable": server.TracesAtOnce}
	if diff := gocmp.Diff(want, count); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	mute.Close()
	awaitSessions(t, s, 1)
	testutil.Await(t, patience, "a trace works again", func() bool {
		return outcome(asker.ask("nkv.v1.trace.a.T", nil, nil)) == "200"
	})
	// Refused ones must not have taken a place.
	for i := range 3 * server.TracesAtOnce {
		if m := asker.ask("nkv.v1.trace.a.T", nil, nil); outcome(m) != "200" {
			t.Fatalf("trace %d: %s", i, outcome(m))
		}
		asker.ask("nkv.v1.trace.a", nil, nil)
	}
}

// TestProbesThatNobodySent answers probes that are not, twice, or with nonsense.
func TestProbesThatNobodySent(t *testing.T) {
	s := start(t, server.Options{})
	liar := meet(t, s, "liar")
	state := func(pattern string) []byte {
		body, err := json.Marshal(wire.ProbeAnswer{Agent: "x", Subscriptions: []wire.SubscriptionState{{Pattern: pattern}, {Pattern: "%%"}}})
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	probed := make(chan string, 10)
	if _, err := liar.Subscribe(wire.ProbeSubject(liar.instance), func(m *nats.Msg) {
		for range 3 {
			if err := liar.PublishRequest(m.Reply, liar.NewInbox(), state("a.T")); err != nil {
				t.Error(err)
			}
		}
		probed <- m.Reply
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := liar.SubscribeSync("nkv.v1.event.a.T.*"); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if err := liar.PublishRequest(fmt.Sprintf("nkv.v1.probe.x%d", i), liar.NewInbox(), state("a.T")); err != nil {
			t.Fatal(err)
		}
	}
	for _, subject := range []string{"nkv.v1.probe", "nkv.v1.probe.x", "nkv.v1.probe.x.y"} {
		if err := liar.PublishRequest(subject, liar.NewInbox(), nil); err != nil {
			t.Fatal(err)
		}
	}
	if m := liar.ask("nkv.v1.probe.x", nil, []byte("{")); outcome(m) != "400 invalid" {
		t.Errorf("nonsense: %s", outcome(m))
	}
	var trace wire.TraceAnswer
	decode(t, liar.done("nkv.v1.trace.a.T", nil, ""), &trace)
	if len(trace.Listeners) != 1 || trace.Listeners[0].Agent != "liar" || trace.Listeners[0].State == nil {
		t.Errorf("listeners: %+v", trace.Listeners)
	}
	select {
	case reply := <-probed:
		if err := liar.PublishRequest(reply, liar.NewInbox(), state("a.T")); err != nil { // late
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatal("no probe came")
	}
	liar.done("nkv.v1.version", nil, "")
	if n := s.Probes(); n != 0 {
		t.Errorf("%d probes wait", n)
	}
}
