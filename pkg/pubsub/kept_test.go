package pubsub_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/pubsub"
)

// What agents rely on and get as they always did.

func TestModifyHandlerNeedsACreateHandler(t *testing.T) {
	ps := pubsub.New(&pubsub.EmptyDriver{}, nil, &logObject{})
	_, err := ps.NewSubscription(pubsub.SubscriptionOptions{
		AgentName: "a", TopicImpl: Item{}, ModifyHandler: func(any, string, any, any) {},
	})
	if !errors.Is(err, pubsub.ErrOptions) {
		t.Errorf("got %v, want ErrOptions", err)
	}
	for _, topic := range []any{nil} {
		if _, err := ps.NewSubscription(pubsub.SubscriptionOptions{TopicImpl: topic}); !errors.Is(err, pubsub.ErrOptions) {
			t.Errorf("a subscription without a topic: got %v, want ErrOptions", err)
		}
		if _, err := ps.NewPublication(pubsub.PublicationOptions{TopicType: topic}); !errors.Is(err, pubsub.ErrOptions) {
			t.Errorf("a publication without a topic: got %v, want ErrOptions", err)
		}
	}
}

func TestAStoryIsTold(t *testing.T) {
	d := running(t)
	owner, _ := d.agent("owner")
	pub := publication(t, owner, pubsub.PublicationOptions{AgentName: "owner"})
	reader, _ := d.agent("reader")
	publish(t, pub, "k.1", "one")
	must(t, pub.SignalRestarted())
	s := subscribe(t, reader, "owner")
	s.until("all", func() bool { return s.sub.Synchronized() && s.sub.Restarted() })
	if len(s.lines) != 3 || s.lines[0] != "create k.1=one" {
		t.Fatalf("told %q", s.lines)
	}
	s.lines = nil
	publish(t, pub, "k.1", "two")
	publish(t, pub, "k.2", "x")
	must(t, pub.SignalRestarted())
	s.is("modify k.1=two from one", "create k.2=x", "restarted 2")
	must(t, pub.Unpublish("k.1"))
	must(t, pub.ClearRestarted())
	s.is("delete k.1=two", "restarted 0")
	if got := s.sub.RestartCounter(); got != 0 {
		t.Errorf("the counter is %d", got)
	}
	if _, err := s.sub.Get("k.1"); !errors.Is(err, pubsub.ErrUnknownKey) {
		t.Errorf("a deleted key: %v", err)
	}
	if got, err := s.sub.Get("k.2"); err != nil || got != (Item{A: "x"}) {
		t.Errorf("k.2 is %v, %v", got, err)
	}
}

func TestUnchangedValuesAreNotTold(t *testing.T) {
	d := running(t)
	owner, _ := d.agent("owner")
	pub := publication(t, owner, pubsub.PublicationOptions{AgentName: "owner"})
	s := subscribe(t, owner, "owner")
	s.is("synchronized true")
	publish(t, pub, "k", "one")
	s.is("create k=one")
	for range 3 {
		publish(t, pub, "k", "one")
	}
	s.quiet(pub)
	// Another text that means the same, as another library may write it.
	s.sub.ProcessChange(pubsub.Change{Operation: pubsub.Modify, Key: "k", Value: []byte(` { "A" : "one", "new": 1 } `)})
	if len(s.lines) > 0 {
		t.Errorf("told %q", s.lines)
	}
}

func TestPersistentSubscriptionsArePreloaded(t *testing.T) {
	d := running(t)
	owner, _ := d.agent("owner")
	pub := publication(t, owner, pubsub.PublicationOptions{AgentName: "owner", Persistent: true})
	publish(t, pub, "a", "1")
	publish(t, pub, "b", "2")
	must(t, pub.SignalRestarted())
	must(t, pub.SignalRestarted())
	reader, _ := d.agent("reader")
	persistent := func(o *pubsub.SubscriptionOptions) { o.Persistent, o.Activate = true, false }
	s := subscribe(t, reader, "owner", persistent)
	if len(s.lines) > 0 {
		t.Errorf("before Activate: %q", s.lines)
	}
	must(t, s.sub.Activate())
	if diff := cmp.Diff([]string{"create a=1", "create b=2", "restarted 2"}, s.lines); diff != "" {
		t.Errorf("inside Activate (-want +got):\n%s", diff)
	}
	s.lines = nil
	s.is("synchronized true")
	s.quiet(pub)
}

// TestWhatWentAfterThePreloadIsDeleted loads, deletes, and only then listens.
func TestWhatWentAfterThePreloadIsDeleted(t *testing.T) {
	d := running(t)
	owner, _ := d.agent("owner")
	pub := publication(t, owner, pubsub.PublicationOptions{AgentName: "owner", Persistent: true})
	publish(t, pub, "a", "1")
	publish(t, pub, "b", "2")
	s := subscribe(t, owner, "owner", func(o *pubsub.SubscriptionOptions) {
		o.Persistent, o.Activate = true, false
		create := o.CreateHandler
		o.CreateHandler = func(ctx any, key string, v any) {
			create(ctx, key, v)
			if key == "b" { // the last of the preload
				must(t, pub.Unpublish("a"))
			}
		}
	})
	must(t, s.sub.Activate())
	s.is("create a=1", "create b=2", "delete a=1", "synchronized true")
}

// TestARestartThatEndedAfterThePreload loads a restart counter that is cleared
// before anybody listens.
func TestARestartThatEndedAfterThePreload(t *testing.T) {
	d := running(t)
	owner, _ := d.agent("owner")
	pub := publication(t, owner, pubsub.PublicationOptions{AgentName: "owner", Persistent: true})
	must(t, pub.SignalRestarted())
	s := subscribe(t, owner, "owner", func(o *pubsub.SubscriptionOptions) {
		o.Persistent, o.Activate = true, false
		restart := o.RestartHandler
		o.RestartHandler = func(ctx any, n int) {
			restart(ctx, n)
			if n == 1 { // of the preload
				must(t, pub.ClearRestarted())
			}
		}
	})
	must(t, s.sub.Activate())
	s.is("restarted 1", "synchronized true", "restarted 0")
	must(t, pub.SignalRestarted())
	s.until("the mark", s.sub.Restarted)
}

// TestNothingIsToldAfterTheEnd: changes that wait in the channel when a subscription
// is closed are not told.
func TestNothingIsToldAfterTheEnd(t *testing.T) {
	d := running(t)
	owner, _ := d.agent("owner")
	pub := publication(t, owner, pubsub.PublicationOptions{AgentName: "owner"})
	publish(t, pub, "a", "1")
	s := subscribe(t, owner, "owner")
	testutil.Await(t, bound, "a change waits", func() bool { return len(s.sub.MsgChan()) > 0 })
	must(t, s.sub.Close())
	select {
	case c := <-s.sub.MsgChan():
		t.Errorf("operation %d of %q waits", c.Operation, c.Key)
	default:
	}
}

func TestClosingASubscriptionTellsTheEnd(t *testing.T) {
	d := running(t)
	owner, _ := d.agent("owner")
	pub := publication(t, owner, pubsub.PublicationOptions{AgentName: "owner"})
	publish(t, pub, "a", "1")
	must(t, pub.SignalRestarted())
	s := subscribe(t, owner, "owner")
	s.until("all", func() bool { return s.sub.Synchronized() && s.sub.Restarted() })
	s.lines = nil
	must(t, s.sub.Close())
	if diff := cmp.Diff([]string{"delete a=1", "restarted 0", "synchronized false"}, s.lines); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	if n := len(s.sub.GetAll()); n > 0 {
		t.Errorf("%d values stay", n)
	}
	s.lines = nil
	must(t, s.sub.Close())
	if len(s.lines) > 0 {
		t.Errorf("a second time: %q", s.lines)
	}
}

func TestClosingAPublicationUnpublishes(t *testing.T) {
	for _, persistent := range []bool{false, true} {
		t.Run(fmt.Sprintf("persistent %t", persistent), func(t *testing.T) {
			d := running(t)
			owner, _ := d.agent("owner")
			opts := pubsub.PublicationOptions{AgentName: "owner", Persistent: persistent}
			pub := publication(t, owner, opts)
			publish(t, pub, "a", "1")
			must(t, pub.SignalRestarted())
			s := subscribe(t, owner, "owner")
			s.until("all", func() bool { return s.sub.Synchronized() && s.sub.Restarted() })
			s.lines = nil
			must(t, pub.Close())
			if persistent {
				s.is("restarted 0")
			} else {
				s.is("delete a=1", "restarted 0")
			}
			again := publication(t, owner, opts)
			if n := len(again.GetAll()); n != map[bool]int{false: 0, true: 1}[persistent] {
				t.Errorf("%d keys are found again", n)
			}
		})
	}
}

func TestWrongTypes(t *testing.T) {
	d := running(t)
	owner, log := d.agent("owner")
	pub := publication(t, owner, pubsub.PublicationOptions{AgentName: "owner"})
	type Other struct{ A string }
	for name, v := range map[string]any{"another type": Other{"x"}, "a pointer": &Item{A: "x"}, "nil": nil, "a number": 7} {
		if err := pub.Publish("k", v); !errors.Is(err, pubsub.ErrType) {
			t.Errorf("%s: got %v, want ErrType", name, err)
		}
		if err := pub.CheckMaxSize("k", v); !errors.Is(err, pubsub.ErrType) {
			t.Errorf("%s, its size: got %v, want ErrType", name, err)
		}
	}
	if n := len(pub.GetAll()); n > 0 {
		t.Errorf("%d keys are there", n)
	}
	type Risky struct{ F func() }
	risky := publication(t, owner, pubsub.PublicationOptions{AgentName: "owner", TopicType: Risky{}})
	if err := risky.Publish("k", Risky{F: func() {}}); !errors.Is(err, pubsub.ErrType) {
		t.Errorf("a function: got %v, want ErrType", err)
	}
	if err := pub.Unpublish("k"); !errors.Is(err, pubsub.ErrUnknownKey) {
		t.Errorf("an unknown key: %v", err)
	}
	// What can't be decoded leaves the reader as it was.
	s := subscribe(t, owner, "owner")
	publish(t, pub, "k", "1")
	s.until("k", func() bool { return len(s.sub.GetAll()) == 1 })
	s.lines = nil
	s.sub.ProcessChange(pubsub.Change{Operation: pubsub.Modify, Key: "k", Value: []byte(`{"A":"secret","Big":"secret"}`)})
	s.sub.ProcessChange(pubsub.Change{Operation: pubsub.Modify, Key: "k", Value: []byte(`{"A":secret`)})
	if len(s.lines) > 0 {
		t.Errorf("told %q", s.lines)
	}
	if !log.says("owner/Item/k keeps its value") || log.says("secret") {
		t.Errorf("the log has %q", log.all())
	}
}

// Loud values log themselves to the agent's own log object.
type Loud struct{ A string }

func (v Loud) LogKey() string                    { return v.A }
func (v Loud) LogCreate(log *logObject)          { log.add("created %s", v.A) }
func (v Loud) LogModify(log *logObject, old any) { log.add("modified %s from %s", v.A, old.(Loud).A) }
func (v Loud) LogDelete(log *logObject)          { log.add("deleted %s", v.A) }

func TestValuesLogThemselves(t *testing.T) {
	d := running(t)
	owner, ownerLog := d.agent("owner")
	reader, readerLog := d.agent("reader")
	pub := publication(t, owner, pubsub.PublicationOptions{AgentName: "owner", TopicType: Loud{}})
	s := &story{t: t}
	var err error
	s.sub, err = reader.NewSubscription(pubsub.SubscriptionOptions{AgentName: "owner", TopicImpl: Loud{}, Activate: true})
	must(t, err)
	defer s.sub.Close()
	count := func(n int) func() bool { return func() bool { return len(readerLog.all()) == n } }
	must(t, pub.Publish("k", Loud{"1"}))
	s.until("created", count(1))
	must(t, pub.Publish("k", Loud{"1"}))
	must(t, pub.Publish("k", Loud{"2"}))
	s.until("modified", count(2))
	must(t, pub.Unpublish("k"))
	s.until("deleted", count(3))
	want := []string{"created 1", "modified 2 from 1", "deleted 2"}
	if diff := cmp.Diff(want, ownerLog.all()); diff != "" {
		t.Errorf("the owner's log (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, readerLog.all()); diff != "" {
		t.Errorf("the reader's log (-want +got):\n%s", diff)
	}
}

// visit has a name of its own, as EVE's callback type does.
type visit func(key string, val any) bool

func TestValuesAreTheCallersOwn(t *testing.T) {
	type Maps struct{ M map[string]string }
	ps := pubsub.New(pubsub.NewMemoryDriver(), nil, &logObject{})
	pub := publication(t, ps, pubsub.PublicationOptions{AgentName: "a", TopicType: Maps{}})
	v := Maps{M: map[string]string{"x": "1"}}
	must(t, pub.Publish("k", v))
	v.M["x"] = "changed"
	got, err := pub.Get("k")
	must(t, err)
	got.(Maps).M["x"] = "changed"
	n := 0
	pub.Iterate(visit(func(_ string, val any) bool {
		n++
		if x := val.(Maps).M["x"]; x != "1" {
			t.Errorf("the value became %q", x)
		}
		return true
	}))
	must(t, pub.Publish("l", Maps{}))
	pub.Iterate(func(string, any) bool { n++; return false })
	if n != 2 {
		t.Errorf("Iterate called %d times, want 1 and 1", n)
	}
	if c := pubsub.DeepCopy(&logObject{}, v).(Maps); !reflect.DeepEqual(c, v) {
		t.Errorf("a copy is %v", c)
	}
}

func TestHandlersMayChangeTheirValue(t *testing.T) {
	type Maps struct{ M map[string]string }
	ps := pubsub.New(pubsub.NewMemoryDriver(), nil, &logObject{})
	pub := publication(t, ps, pubsub.PublicationOptions{AgentName: "a", TopicType: Maps{}})
	sub, err := ps.NewSubscription(pubsub.SubscriptionOptions{
		AgentName: "a", TopicImpl: Maps{}, Activate: true,
		CreateHandler: func(_ any, _ string, v any) { v.(Maps).M["x"] = "changed" },
	})
	must(t, err)
	defer sub.Close()
	must(t, pub.Publish("k", Maps{M: map[string]string{"x": "1"}}))
	sub.ProcessChange(<-sub.MsgChan())
	if got, err := sub.Get("k"); err != nil || got.(Maps).M["x"] != "1" {
		t.Errorf("the subscription has %v, %v", got, err)
	}
}

func TestScopesAndGlobalTables(t *testing.T) {
	d := running(t)
	owner, _ := d.agent("owner")
	plain := publication(t, owner, pubsub.PublicationOptions{AgentName: "owner"})
	scoped := publication(t, owner, pubsub.PublicationOptions{AgentName: "owner", AgentScope: "s"})
	global := publication(t, owner, pubsub.PublicationOptions{})
	publish(t, plain, "k", "plain")
	publish(t, scoped, "k", "scoped")
	publish(t, global, "k", "global")
	for _, c := range []struct{ agent, scope, want string }{{"owner", "", "plain"}, {"owner", "s", "scoped"}, {"", "", "global"}} {
		s := subscribe(t, owner, c.agent, func(o *pubsub.SubscriptionOptions) { o.AgentScope = c.scope })
		s.is("create k="+c.want, "synchronized true")
	}
	if _, err := owner.NewPublication(pubsub.PublicationOptions{TopicType: Item{}, Persistent: true}); err == nil {
		t.Error("a persistent global publication was made")
	}
	if _, err := owner.NewSubscription(pubsub.SubscriptionOptions{TopicImpl: Item{}, Persistent: true}); err == nil {
		t.Error("a persistent global subscription was made")
	}
	if _, err := owner.NewPublication(pubsub.PublicationOptions{AgentName: "../x", TopicType: Item{}}); err == nil {
		t.Error("an agent outside was made")
	}
}

func TestDurabilityThatDiffersIsSaid(t *testing.T) {
	d := running(t)
	owner, _ := d.agent("owner")
	publication(t, owner, pubsub.PublicationOptions{AgentName: "owner"})
	reader, log := d.agent("reader")
	s := subscribe(t, reader, "owner", func(o *pubsub.SubscriptionOptions) { o.Persistent = true })
	s.is("synchronized true")
	if !log.says("but the publisher is not") {
		t.Errorf("the log has %q", log.all())
	}
}

func TestTopics(t *testing.T) {
	for want, v := range map[string]any{"Item": Item{}, "int": 7, "": nil, "string": "x"} {
		if got := pubsub.TypeToName(v); got != want {
			t.Errorf("%T: got %q, want %q", v, got, want)
		}
	}
}

func TestManyChannelsAreWatched(t *testing.T) {
	ps := pubsub.New(pubsub.NewMemoryDriver(), nil, &logObject{})
	pub := publication(t, ps, pubsub.PublicationOptions{AgentName: "a"})
	s := subscribe(t, ps, "a")
	publish(t, pub, "k", "1")
	ended := make(chan struct{})
	close(ended)
	ticks := make(chan time.Time, 1)
	ticks <- time.Time{}
	var got []string
	pubsub.MultiChannelWatch([]pubsub.ChannelWatch{
		pubsub.WatchAndProcessSubChanges(s.sub),
		{Chan: reflect.ValueOf(ended), Callback: func(any) bool { got = append(got, "ended"); return false }},
		{Chan: reflect.ValueOf(ticks), Callback: func(v any) bool {
			if _, ok := v.(time.Time); !ok {
				t.Errorf("a tick is a %T", v)
			}
			if len(s.lines) == 0 { // not yet: again
				ticks <- time.Time{}
				return false
			}
			return true
		}},
	})
	if diff := cmp.Diff([]string{"create k=1"}, s.lines); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	if len(got) > 1 {
		t.Errorf("a closed channel was told %d times", len(got))
	}
}

func TestSlowHandlersAreSaid(t *testing.T) {
	log := &logObject{}
	ps := pubsub.New(&pubsub.EmptyDriver{}, nil, log)
	for _, c := range []struct {
		warn, err time.Duration
		want      string
	}{{0, 0, ""}, {time.Hour, 2 * time.Hour, ""}, {time.Minute, 2 * time.Hour, "warning"}, {time.Minute, 10 * time.Minute, "error"}, {0, time.Minute, "error"}} {
		before := len(log.all())
		ps.CheckMaxTimeTopic("me", "Item", time.Now().Add(-30*time.Minute), c.warn, c.err)
		lines := log.all()[before:]
		if c.want == "" && len(lines) > 0 || c.want != "" && (len(lines) != 1 || !strings.HasPrefix(lines[0], c.want)) {
			t.Errorf("%v: logged %q", c, lines)
		}
	}
}

func TestWatchdogFiles(t *testing.T) {
	log := &logObject{}
	ps := pubsub.New(&pubsub.EmptyDriver{}, nil, log)
	dir := t.TempDir()
	pubsub.SetWatchdogDirs(ps, dir)
	file := filepath.Join(dir, "me.touch")
	ps.StillRunning("me", time.Hour, 2*time.Hour)
	past := time.Now().Add(-time.Hour)
	must(t, os.Chtimes(file, past, past))
	ps.StillRunning("me", 0, time.Hour)
	info, err := os.Stat(file)
	must(t, err)
	if time.Since(info.ModTime()) > time.Minute {
		t.Errorf("the file is of %s", info.ModTime())
	}
	if !log.says("warning the loop of me did not turn for") {
		t.Errorf("the log has %q", log.all())
	}
	ps.RegisterFileWatchdog("other")
	ps.RegisterPidWatchdog("other")
	for _, name := range []string{"other.touch", "other.pid"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}
