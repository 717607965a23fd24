package pubsub_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/pubsub"
	"github.com/evenkv/nkv/pkg/pubsub/backend"
	"github.com/evenkv/nkv/pkg/server"
)

// What agents get better than they always did.

func TestATooLargeValueIsAnError(t *testing.T) {
	d := newDevice(t, server.Options{MaxValue: 1 << 20})
	d.start()
	owner, _ := d.agent("owner")
	pub := publication(t, owner, pubsub.PublicationOptions{AgentName: "owner"})
	s := subscribe(t, owner, "owner")
	publish(t, pub, "k", "before")
	large := Item{A: strings.Repeat("x", 1<<20)}
	if err := pub.CheckMaxSize("k", large); !errors.Is(err, client.ErrTooLarge) {
		t.Errorf("its size: got %v, want ErrTooLarge", err)
	}
	if err := pub.Publish("k", large); !errors.Is(err, client.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
	if got, err := pub.Get("k"); err != nil || got != (Item{A: "before"}) {
		t.Errorf("the publication has %v, %v", got, err)
	}
	if err := pub.Publish("new", large); !errors.Is(err, client.ErrTooLarge) {
		t.Errorf("a new key: got %v, want ErrTooLarge", err)
	}
	if _, err := pub.Get("new"); !errors.Is(err, pubsub.ErrUnknownKey) {
		t.Errorf("the new key: %v", err)
	}
	s.until("before", func() bool { return len(s.lines) == 2 })
	s.lines = nil
	s.quiet(pub)
}

// TestLargeValues is about what the original carried in files, or not at all.
func TestLargeValues(t *testing.T) {
	type Large struct {
		Small string
		Field []byte `json:"pubsub-large-Field"`
	}
	d := running(t)
	owner, _ := d.agent("owner")
	pub := publication(t, owner, pubsub.PublicationOptions{AgentName: "owner", TopicType: Large{}})
	v := Large{Small: strings.Repeat("s", 2<<20), Field: make([]byte, 3<<20)}
	v.Field[1<<20] = 7
	must(t, pub.CheckMaxSize("k", v))
	must(t, pub.Publish("k", v))
	sub, err := owner.NewSubscription(pubsub.SubscriptionOptions{AgentName: "owner", TopicImpl: Large{}, Activate: true})
	must(t, err)
	defer sub.Close()
	s := &story{t: t, sub: sub}
	s.until("the value", func() bool { return len(sub.GetAll()) == 1 })
	got, err := sub.Get("k")
	must(t, err)
	if g := got.(Large); g.Small != v.Small || string(g.Field) != string(v.Field) {
		t.Errorf("it came with %d and %d bytes", len(g.Small), len(g.Field))
	}
}

func TestIntegersStayWhatTheyAre(t *testing.T) {
	d := running(t)
	owner, _ := d.agent("owner")
	pub := publication(t, owner, pubsub.PublicationOptions{AgentName: "owner", Persistent: true})
	want := Item{Big: math.MaxUint64 - 1}
	must(t, pub.Publish("k", want))
	s := subscribe(t, owner, "owner", func(o *pubsub.SubscriptionOptions) { o.Persistent = true })
	if got, err := s.sub.Get("k"); err != nil || got != want {
		t.Errorf("preloaded: %v, %v", got, err)
	}
	want.Big--
	must(t, pub.Publish("k", want))
	s.until("the change", func() bool { got, _ := s.sub.Get("k"); return got == want })
}

func TestASecondPublisherIsAnError(t *testing.T) {
	d := running(t)
	owner, _ := d.agent("owner")
	opts := pubsub.PublicationOptions{AgentName: "owner", TopicType: Item{}}
	pub := publication(t, owner, opts)
	publish(t, pub, "k", "1")
	if _, err := owner.NewPublication(opts); !errors.Is(err, client.ErrTableOwned) {
		t.Errorf("of the same process: got %v, want ErrTableOwned", err)
	}
	second, _ := d.agent("owner")
	if _, err := second.NewPublication(opts); !errors.Is(err, client.ErrTableOwned) {
		t.Errorf("of another: got %v, want ErrTableOwned", err)
	}
	publish(t, pub, "k", "2")
	must(t, pub.Close())
	again, err := second.NewPublication(opts)
	must(t, err)
	must(t, again.Close())
}

// TestPublishWithoutAServer publishes, deletes and marks while it is away.
func TestPublishWithoutAServer(t *testing.T) {
	d := running(t)
	owner, _ := d.agent("owner")
	pub := publication(t, owner, pubsub.PublicationOptions{AgentName: "owner"})
	publish(t, pub, "gone", "1")
	publish(t, pub, "changed", "1")
	s := subscribe(t, owner, "owner")
	s.until("both", func() bool { return len(s.sub.GetAll()) == 2 && s.sub.Synchronized() })
	s.lines = nil
	d.stop()
	start := time.Now()
	publish(t, pub, "changed", "2")
	publish(t, pub, "changed", "3")
	publish(t, pub, "new", "1")
	must(t, pub.Unpublish("gone"))
	must(t, pub.SignalRestarted())
	if took := time.Since(start); took > time.Second {
		t.Errorf("without a server it took %s", took)
	}
	if got, err := pub.Get("changed"); err != nil || got != (Item{A: "3"}) {
		t.Errorf("the publication has %v, %v", got, err)
	}
	d.start()
	s.until("the mark", s.sub.Restarted)
	want := map[string]any{"changed": Item{A: "3"}, "new": Item{A: "1"}}
	if got := s.sub.GetAll(); len(got) != 2 || got["changed"] != want["changed"] || got["new"] != want["new"] {
		t.Errorf("at the mark the reader has %v", got)
	}
	if len(s.lines) != 4 {
		t.Errorf("told %q", s.lines)
	}
	s.lines = nil
	s.quiet(pub)
}

// TestReconnectingTakesMilliseconds measures from the server's return to the first
// handler call, which took the original 10 s.
func TestReconnectingTakesMilliseconds(t *testing.T) {
	d := running(t)
	owner, _ := d.agent("owner")
	reader, _ := d.agent("reader")
	pub := publication(t, owner, pubsub.PublicationOptions{AgentName: "owner"})
	s := subscribe(t, reader, "owner")
	s.is("synchronized true")
	for range 3 {
		d.stop()
		publish(t, pub, "k", time.Now().String())
		d.start()
		start := time.Now()
		s.until("the change", func() bool { return len(s.lines) > 0 })
		s.lines = nil
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("it took %s", took)
		}
	}
}

// lateDriver is the socket driver with little patience.
type lateDriver struct {
	settings backend.Settings
	backend  backend.Backend
}

func (d *lateDriver) Publisher(global bool, name, _ string, persistent bool, _ *pubsub.Updaters, _ pubsub.Restarted, _ pubsub.Differ) (pubsub.DriverPublisher, error) {
	return d.backend.Publisher(d.settings, global, name, persistent)
}

func (d *lateDriver) Subscriber(global bool, name, _ string, persistent bool, C chan pubsub.Change) (pubsub.DriverSubscriber, error) {
	return d.backend.Subscriber(d.settings, global, name, persistent, func(done <-chan struct{}, c backend.Change) {
		select {
		case C <- pubsub.Change{Operation: pubsub.Operation(c.Op), Key: c.Key, Value: c.Value}:
		case <-done:
		}
	})
}

func (d *lateDriver) DefaultName() string { return "" }

// TestStartingWithoutAServer starts an agent anew while the server is away: what it
// had published is found when the server is back, and is not lost to what it says
// meanwhile.
func TestStartingWithoutAServer(t *testing.T) {
	d := running(t)
	opts := pubsub.PublicationOptions{AgentName: "owner", Persistent: true}
	first, _ := d.agent("owner")
	pub := publication(t, first, opts)
	publish(t, pub, "kept", "old")
	publish(t, pub, "changed", "old")
	must(t, pub.SignalRestarted())
	s := subscribe(t, first, "owner")
	s.until("all", func() bool { return len(s.sub.GetAll()) == 2 && s.sub.Restarted() && s.sub.Synchronized() })
	// As if its process ended: the table stays as it is.
	former := pub.(*pubsub.PublicationImpl)
	must(t, pubsub.DriverOf(former).Stop())
	d.stop()

	log := &logObject{}
	late := pubsub.New(&lateDriver{settings: backend.Settings{Log: log, RootDir: d.root, LoadWithin: time.Millisecond}}, nil, log)
	again := publication(t, late, opts)
	if !log.says("not known yet") {
		t.Errorf("the log has %q", log.all())
	}
	must(t, again.ClearRestarted())
	publish(t, again, "changed", "new")
	persistent := func(o *pubsub.SubscriptionOptions) { o.Persistent = true }
	waiting := subscribe(t, late, "owner", persistent)
	d.start()
	s.until("the change", func() bool { got, _ := s.sub.Get("changed"); return got == Item{A: "new"} && !s.sub.Restarted() })
	if got, err := s.sub.Get("kept"); err != nil || got != (Item{A: "old"}) {
		t.Errorf("the reader has %v, %v", got, err)
	}
	deadline := time.Now().Add(bound)
	for len(again.GetAll()) < 2 {
		if time.Now().After(deadline) {
			t.Fatalf("what was published before is not found: %v", again.GetAll())
		}
		time.Sleep(time.Millisecond)
	}
	if got, _ := again.Get("changed"); got != (Item{A: "new"}) {
		t.Errorf("the publication has %v", got)
	}
	waiting.until("what a late subscription gets", func() bool { return len(waiting.sub.GetAll()) == 2 })
	must(t, again.SignalRestarted())
	s.until("the mark", func() bool { return s.sub.RestartCounter() == 1 })
}

// TestTheOtherEndIsTyped has the two ends of a table on pkg/pubsub and pkg/agent.
func TestTheOtherEndIsTyped(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*bound)
	defer cancel()
	d := running(t)
	old, _ := d.agent("old")
	a, err := agent.Connect(ctx, "new", agent.URL("unix://"+backend.SocketIn(d.root)))
	must(t, err)

	// Old publishes, new reads.
	pub := publication(t, old, pubsub.PublicationOptions{AgentName: "old", Persistent: true})
	publish(t, pub, "k.1", "x")
	must(t, pub.SignalRestarted())
	marked := make(chan struct{}, 1)
	sub, err := agent.Subscribe(ctx, a, agent.Table[Item]{Owner: "old", Durable: true}, agent.Handlers[Item]{
		Restarted: func(context.Context, uint64) { marked <- struct{}{} },
	})
	must(t, err)
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- a.Run(running) }()
	defer func() {
		stop()
		must(t, <-ended)
	}()
	<-marked
	if v, ok := sub.Get("k.1"); !ok || v != (Item{A: "x"}) {
		t.Errorf("the typed reader has %v, %t", v, ok)
	}

	// New publishes, old reads.
	typed, err := agent.Publish(ctx, a, agent.Table[Item]{Owner: "new"})
	must(t, err)
	s := subscribe(t, old, "new")
	must(t, typed.Publish(ctx, "k.2", Item{A: "y", Big: math.MaxUint64}))
	must(t, typed.Restarted(ctx))
	s.until("all", s.sub.Restarted)
	if got, err := s.sub.Get("k.2"); err != nil || got != (Item{A: "y", Big: math.MaxUint64}) {
		t.Errorf("the old reader has %v, %v", got, err)
	}
}
