package pubsub_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/pubsub"
	"github.com/evenkv/nkv/pkg/pubsub/backend"
	"github.com/evenkv/nkv/pkg/pubsub/socketdriver"
	"github.com/evenkv/nkv/pkg/wire"
)

// What drivers get, and the driver on nkv as others see it.

// watchingDriver looks itself at what was published, as the original's did.
type watchingDriver struct {
	pubsub.EmptyDriver
	differ    pubsub.Differ
	restarted pubsub.Restarted
	updates   chan pubsub.Notify
	updaters  *pubsub.Updaters
}

func (d *watchingDriver) Publisher(_ bool, name, _ string, _ bool, u *pubsub.Updaters, r pubsub.Restarted, differ pubsub.Differ) (pubsub.DriverPublisher, error) {
	d.differ, d.restarted, d.updaters = differ, r, u
	u.Add(nil, d.updates, name, 1)
	return &pubsub.EmptyDriverPublisher{}, nil
}

func TestDriversMayLookThemselves(t *testing.T) {
	d := &watchingDriver{updates: make(chan pubsub.Notify, 1)}
	log := &logObject{}
	ps := pubsub.New(d, nil, log)
	pub := publication(t, ps, pubsub.PublicationOptions{AgentName: "a"})
	copied := pubsub.LocalCollection{"gone": []byte("{}")}
	publish(t, pub, "k", "1")
	publish(t, pub, "k", "2")
	<-d.updates
	if diff := cmp.Diff([]string{"gone", "k"}, d.differ.DetermineDiffs(copied)); diff != "" {
		t.Errorf("differing keys (-want +got):\n%s", diff)
	}
	if len(copied) != 1 || string(copied["k"]) != `{"A":"2"}` {
		t.Errorf("the copy is %q", copied)
	}
	if keys := d.differ.DetermineDiffs(copied); len(keys) > 0 {
		t.Errorf("nothing has changed, and %q differ", keys)
	}
	must(t, pub.SignalRestarted())
	<-d.updates
	if !d.restarted.IsRestarted() || d.restarted.RestartCounter() != 1 {
		t.Errorf("the counter is %d", d.restarted.RestartCounter())
	}
	other := &watchingDriver{updates: make(chan pubsub.Notify, 1)}
	d.updaters.Add(log, other.updates, "a/Other", 2)
	publish(t, pub, "k", "3")
	<-d.updates
	if len(other.updates) > 0 {
		t.Error("another table's updater was told")
	}
	d.updaters.Remove(log, d.updates)
	d.updaters.Remove(log, d.updates)
	publish(t, pub, "k", "4")
	if len(d.updates) > 0 {
		t.Error("an updater that was removed was told")
	}
}

func TestEmptyContentIsRefused(t *testing.T) {
	d := running(t)
	driver := socketdriver.SocketDriver{RootDir: d.root}
	pub, err := driver.Publisher(false, "a/Item", "Item", false, nil, nil, nil)
	must(t, err)
	defer pub.Stop() //nolint:errcheck // it has none
	if err := pub.Publish("k", nil); !errors.Is(err, backend.ErrEmpty) {
		t.Errorf("got %v, want ErrEmpty", err)
	}
	if err := pub.Unpublish("k"); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("an unknown key: got %v, want ErrNotFound", err)
	}
	must(t, pub.Stop())
	must(t, pub.Stop())
}

// TestReadersAreNamed: a trace says who listens.
func TestReadersAreNamed(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	d := running(t)
	owner, _ := d.agent("owner")
	publication(t, owner, pubsub.PublicationOptions{AgentName: "owner"})
	reader, _ := d.agent("reader")
	subscribe(t, reader, "owner").is("synchronized true")
	c, err := client.Connect(ctx, "", client.InProcess(d.s))
	must(t, err)
	defer c.Close()
	must(t, c.Wait(ctx))
	trace, err := c.Trace(ctx, wire.Table{Agent: "owner", Topic: "Item"})
	must(t, err)
	if trace.Owner == nil || trace.Owner.Agent != "owner" {
		t.Errorf("the owner is %+v", trace.Owner)
	}
	if !slices.ContainsFunc(trace.Listeners, func(l wire.Listener) bool { return l.Agent == "reader" }) {
		t.Errorf("the listeners are %+v", trace.Listeners)
	}
}

// Odd values have methods with names that mean something else.
type Odd struct{ A string }

func (Odd) LogCreate(int)                      {}
func (Odd) LogModify(*logObject)               {}
func (Odd) LogDelete(log *logObject, _ ...Odd) { log.add("called") }

func TestMethodsOfAnotherShapeAreNotMeant(t *testing.T) {
	log := &logObject{}
	ps := pubsub.New(pubsub.NewMemoryDriver(), nil, log)
	pub := publication(t, ps, pubsub.PublicationOptions{AgentName: "a", TopicType: Odd{}})
	must(t, pub.Publish("k", Odd{"1"}))
	must(t, pub.Publish("k", Odd{"2"}))
	must(t, pub.Unpublish("k"))
	if lines := log.all(); len(lines) > 0 {
		t.Errorf("logged %q", lines)
	}
}

func TestARestartCounterThatIsNoNumberIsOne(t *testing.T) {
	ps := pubsub.New(&pubsub.EmptyDriver{}, nil, &logObject{})
	s := subscribe(t, ps, "a")
	s.sub.ProcessChange(pubsub.Change{Operation: pubsub.Restart})
	if n := s.sub.RestartCounter(); n != 1 {
		t.Errorf("it is %d", n)
	}
}

func TestWhatCantBeCopiedIsSaid(t *testing.T) {
	log := &logObject{}
	f := func() {}
	if got := pubsub.DeepCopy(log, f); got == nil || !log.says("can't be copied") {
		t.Errorf("got %v, and the log has %q", got, log.all())
	}
	if got, ok := pubsub.DeepCopy(log, json.Number("7")).(json.Number); !ok || got != "7" {
		t.Errorf("a number is %v", got)
	}
}

// TestStoppingWhileTheAgentIsBusy closes a subscription whose channel is full.
func TestStoppingWhileTheAgentIsBusy(t *testing.T) {
	d := running(t)
	owner, _ := d.agent("owner")
	pub := publication(t, owner, pubsub.PublicationOptions{AgentName: "owner"})
	s := subscribe(t, owner, "owner")
	for i := range 20 {
		publish(t, pub, string(rune('a'+i)), "1")
	}
	deadline := time.Now().Add(bound)
	for len(s.sub.MsgChan()) < cap(s.sub.MsgChan()) {
		if time.Now().After(deadline) {
			t.Fatal("the channel does not fill")
		}
		time.Sleep(time.Millisecond)
	}
	must(t, s.sub.Close())
}
