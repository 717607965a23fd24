package pubsub_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/internal/leak"
	"github.com/evenkv/nkv/pkg/pubsub"
	"github.com/evenkv/nkv/pkg/pubsub/backend"
	"github.com/evenkv/nkv/pkg/pubsub/socketdriver"
	"github.com/evenkv/nkv/pkg/server"
)

func TestMain(m *testing.M) { leak.Main(m) }

// bound is how long a test waits for what must happen.
const bound = 10 * time.Second

// device is a root directory with a server that comes and goes.
type device struct {
	t    *testing.T
	root string
	opts server.Options
	s    *server.Server
}

func newDevice(t *testing.T, opts server.Options) *device {
	t.Helper()
	root, err := os.MkdirTemp("", "nkv")
	if err != nil {
		t.Fatal(err)
	}
	d := &device{t: t, root: root, opts: opts}
	d.opts.Socket = backend.SocketIn(root)
	d.opts.StoreDir, d.opts.VolatileDir = filepath.Join(root, "store"), filepath.Join(root, "volatile")
	if err := os.MkdirAll(filepath.Dir(d.opts.Socket), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.stop()
		os.RemoveAll(root)
	})
	return d
}

// running is newDevice with its server started.
func running(t *testing.T) *device {
	t.Helper()
	d := newDevice(t, server.Options{})
	d.start()
	return d
}

func (d *device) start() {
	d.t.Helper()
	s, err := server.Start(context.Background(), d.opts)
	if err != nil {
		d.t.Fatal(err)
	}
	d.s = s
}

func (d *device) stop() {
	if d.s != nil {
		d.s.Shutdown()
		d.s = nil
	}
}

// agent returns a PubSub of an agent of this device, and its log.
func (d *device) agent(name string) (*pubsub.PubSub, *logObject) {
	log := &logObject{Fields: map[string]any{"source": name}}
	return pubsub.New(&socketdriver.SocketDriver{Log: log, RootDir: d.root}, nil, log), log
}

// logObject has what EVE's log object has, and remembers what it was told.
type logObject struct {
	Fields map[string]any

	mu    sync.Mutex
	lines []string
}

func (l *logObject) add(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

func (l *logObject) Tracef(string, ...any)              {}
func (l *logObject) Functionf(string, ...any)           {}
func (l *logObject) Noticef(format string, args ...any) { l.add("notice "+format, args...) }
func (l *logObject) Warnf(format string, args ...any)   { l.add("warning "+format, args...) }
func (l *logObject) Errorf(format string, args ...any)  { l.add("error "+format, args...) }

func (l *logObject) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines)
}

func (l *logObject) says(text string) bool {
	return slices.ContainsFunc(l.all(), func(line string) bool { return strings.Contains(line, text) })
}

type Item struct {
	A   string
	Big uint64 `json:",omitempty"`
}

// story is what a subscription's handlers were told.
type story struct {
	t     *testing.T
	sub   pubsub.Subscription
	lines []string
}

// options returns the options of a subscription whose handlers write a story.
func (s *story) options(agent string) pubsub.SubscriptionOptions {
	return pubsub.SubscriptionOptions{
		AgentName: agent, TopicImpl: Item{}, Ctx: s,
		CreateHandler: func(ctx any, key string, v any) { ctx.(*story).tell("create %s=%s", key, v.(Item).A) },
		ModifyHandler: func(ctx any, key string, v, old any) {
			ctx.(*story).tell("modify %s=%s from %s", key, v.(Item).A, old.(Item).A)
		},
		DeleteHandler:  func(ctx any, key string, v any) { ctx.(*story).tell("delete %s=%s", key, v.(Item).A) },
		RestartHandler: func(ctx any, n int) { ctx.(*story).tell("restarted %d", n) },
		SyncHandler:    func(ctx any, b bool) { ctx.(*story).tell("synchronized %t", b) },
	}
}

func (s *story) tell(format string, args ...any) {
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

// subscribe makes a subscription that writes a story; more options may be set.
func subscribe(t *testing.T, ps *pubsub.PubSub, agent string, set ...func(*pubsub.SubscriptionOptions)) *story {
	t.Helper()
	s := &story{t: t}
	opts := s.options(agent)
	opts.Activate = true
	for _, f := range set {
		f(&opts)
	}
	sub, err := ps.NewSubscription(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.sub = sub
	t.Cleanup(func() { sub.Close() })
	return s
}

// until processes changes until a condition holds.
func (s *story) until(what string, holds func() bool) {
	s.t.Helper()
	deadline := time.After(bound)
	for !holds() {
		select {
		case c := <-s.sub.MsgChan():
			s.sub.ProcessChange(c)
		case <-deadline:
			s.t.Fatalf("after %s still not: %s; the story is %q", bound, what, s.lines)
		}
	}
}

// is processes changes until the story is told, and forgets it.
func (s *story) is(want ...string) {
	s.t.Helper()
	s.until(fmt.Sprintf("%q", want), func() bool { return len(s.lines) >= len(want) })
	if diff := cmp.Diff(want, s.lines); diff != "" {
		s.t.Fatalf("told (-want +got):\n%s", diff)
	}
	s.lines = nil
}

// quiet checks that nothing more than what is there was told: a last value is
// published and comes alone.
func (s *story) quiet(pub pubsub.Publication) {
	s.t.Helper()
	publish(s.t, pub, "last", fmt.Sprintf("%d", time.Now().UnixNano()))
	s.until("the last value", func() bool { return len(s.lines) > 0 })
	if len(s.lines) != 1 || !strings.Contains(s.lines[0], "last=") {
		s.t.Fatalf("told %q", s.lines)
	}
	s.lines = nil
}

func publication(t *testing.T, ps *pubsub.PubSub, opts pubsub.PublicationOptions) pubsub.Publication {
	t.Helper()
	if opts.TopicType == nil {
		opts.TopicType = Item{}
	}
	pub, err := ps.NewPublication(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pub.Close() })
	return pub
}

func publish(t *testing.T, pub pubsub.Publication, key, a string) {
	t.Helper()
	if err := pub.Publish(key, Item{A: a}); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
