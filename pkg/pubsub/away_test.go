package pubsub_test

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/pubsub"
	"github.com/evenkv/nkv/pkg/pubsub/backend"
	"github.com/evenkv/nkv/pkg/server"
)

// What becomes of an agent whose server is away when it starts or ends.

// TestStartingManyEndsWithoutAServer: an agent waits for the server once, not once
// for each of its tables.
func TestStartingManyEndsWithoutAServer(t *testing.T) {
	d := newDevice(t, server.Options{})
	const within = 500 * time.Millisecond
	log := &logObject{Fields: map[string]any{"source": "owner"}}
	late := pubsub.New(&lateDriver{settings: backend.Settings{Log: log, RootDir: d.root, LoadWithin: within}}, nil, log)
	start := time.Now()
	for i := range 10 {
		opts := pubsub.PublicationOptions{AgentName: "owner", AgentScope: fmt.Sprint(i)}
		publication(t, late, opts)
		subscribe(t, late, "owner", func(o *pubsub.SubscriptionOptions) { o.Persistent, o.AgentScope = true, opts.AgentScope })
	}
	if took := time.Since(start); took > 6*within {
		t.Errorf("20 ends took %s", took)
	}
	d.start()
	pub := publication(t, late, pubsub.PublicationOptions{AgentName: "owner"})
	s := subscribe(t, late, "owner")
	s.is("synchronized true")
	s.quiet(pub)
}

// TestClosingWithoutAServer: what can't be sent any more is said, and lost.
func TestClosingWithoutAServer(t *testing.T) {
	d := running(t)
	owner, log := d.agent("owner")
	pub := publication(t, owner, pubsub.PublicationOptions{AgentName: "owner"})
	publish(t, pub, "a", "1")
	d.stop()
	if err := pub.Close(); !errors.Is(err, client.ErrUnconfirmed) {
		t.Errorf("got %v, want ErrUnconfirmed", err)
	}
	if !log.says("owner/Item") {
		t.Errorf("the log has %q", log.all())
	}
}

// TestClosingWhileTheServerComesBack: the last changes are still sent.
func TestClosingWhileTheServerComesBack(t *testing.T) {
	d := running(t)
	owner, _ := d.agent("owner")
	reader, _ := d.agent("reader")
	pub := publication(t, owner, pubsub.PublicationOptions{AgentName: "owner"})
	publish(t, pub, "a", "1")
	s := subscribe(t, reader, "owner")
	s.is("create a=1", "synchronized true")
	d.stop()
	must(t, pub.SignalRestarted())
	closed := make(chan error, 1)
	go func() { closed <- pub.Close() }()
	d.start()
	must(t, <-closed)
	s.is("delete a=1")
}

// slowDriver knows what was published before only later.
type slowDriver struct {
	pubsub.EmptyDriver
	publisher slowPublisher
}

func (d *slowDriver) Publisher(bool, string, string, bool, *pubsub.Updaters, pubsub.Restarted, pubsub.Differ) (pubsub.DriverPublisher, error) {
	return &d.publisher, nil
}

type slowPublisher struct {
	pubsub.EmptyDriverPublisher
	ready func()
	known bool
	asked func() // called by Load, with what it will return

	mu     sync.Mutex // guards values
	values map[string][]byte
}

func (p *slowPublisher) LoadLater(ready func()) { p.ready = ready }

func (p *slowPublisher) Load() (map[string][]byte, int, error) {
	if !p.known {
		return nil, 0, backend.ErrNotLoaded
	}
	p.mu.Lock()
	values := maps.Clone(p.values)
	p.mu.Unlock()
	p.asked()
	return values, 0, nil
}

func (p *slowPublisher) Publish(key string, item []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.values[key] = item
	return nil
}

func (p *slowPublisher) Unpublish(key string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.values, key)
	return nil
}

// TestUnpublishedWhileLoading: a key that is unpublished while what the table holds
// is taken over does not come back.
func TestUnpublishedWhileLoading(t *testing.T) {
	driver := &slowDriver{publisher: slowPublisher{values: map[string][]byte{"old": []byte(`{"A":"1"}`)}}}
	pub := publication(t, pubsub.New(driver, nil, &logObject{}), pubsub.PublicationOptions{AgentName: "a"})
	publish(t, pub, "k", "1")
	unpublished := make(chan error, 1)
	driver.publisher.known = true
	driver.publisher.asked = func() {
		go func() { unpublished <- pub.Unpublish("k") }()
		select {
		case err := <-unpublished:
			unpublished <- err
		case <-time.After(50 * time.Millisecond): // it waits, as it should
		}
	}
	driver.publisher.ready()
	must(t, <-unpublished)
	if v, err := pub.Get("k"); !errors.Is(err, pubsub.ErrUnknownKey) {
		t.Errorf("it is there again: %v, %v", v, err)
	}
	if _, err := pub.Get("old"); err != nil {
		t.Error(err)
	}
}
