package pubsub

import (
	"maps"
	"os"
	"slices"
	"sync"
)

// MemoryDriver carries tables within the process, by topic alone, for tests of
// agents: a publish is in its readers' channels when it returns. A reader's channel
// that is full misses the change. Its methods are safe for concurrent use.
type MemoryDriver struct {
	mu      sync.Mutex // guards all
	values  map[string]map[string][]byte
	readers map[string][]chan Change
}

// NewMemoryDriver returns one without tables.
func NewMemoryDriver() *MemoryDriver {
	return &MemoryDriver{values: map[string]map[string][]byte{}, readers: map[string][]chan Change{}}
}

// Publisher returns the writing end of a topic.
func (d *MemoryDriver) Publisher(_ bool, _, topic string, _ bool, _ *Updaters, _ Restarted, _ Differ) (DriverPublisher, error) {
	return &MemoryDriverPublisher{driver: d, topic: topic}, nil
}

// Subscriber returns the reading end of a topic, which hears changes from now on.
func (d *MemoryDriver) Subscriber(_ bool, _, topic string, _ bool, C chan Change) (DriverSubscriber, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if C != nil {
		d.readers[topic] = append(d.readers[topic], C)
	}
	return &MemoryDriverSubscriber{driver: d, topic: topic, changes: C}, nil
}

// DefaultName returns "memory".
func (d *MemoryDriver) DefaultName() string { return "memory" }

// load returns the keys of a topic.
func (d *MemoryDriver) load(topic string) map[string][]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := maps.Clone(d.values[topic])
	if found == nil {
		found = map[string][]byte{}
	}
	return found
}

// change applies a change to a topic and tells it.
func (d *MemoryDriver) change(topic string, c Change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case c.Operation == Delete:
		delete(d.values[topic], c.Key)
	case d.values[topic] == nil:
		d.values[topic] = map[string][]byte{c.Key: c.Value}
	default:
		d.values[topic][c.Key] = c.Value
	}
	for _, ch := range d.readers[topic] {
		select {
		case ch <- c:
		default: // it is full; see MemoryDriver
		}
	}
}

// MemoryDriverPublisher is the writing end of a topic.
type MemoryDriverPublisher struct {
	driver *MemoryDriver
	topic  string
}

// Start does nothing.
func (p *MemoryDriverPublisher) Start() error { return nil }

// Load returns the topic's keys.
func (p *MemoryDriverPublisher) Load() (map[string][]byte, int, error) {
	return p.driver.load(p.topic), 0, nil
}

// CheckMaxSize takes every size.
func (p *MemoryDriverPublisher) CheckMaxSize(string, []byte) error { return nil }

// Publish makes key be item and tells it.
func (p *MemoryDriverPublisher) Publish(key string, item []byte) error {
	p.driver.change(p.topic, Change{Operation: Modify, Key: key, Value: item})
	return nil
}

// Unpublish makes key be gone and tells it.
func (p *MemoryDriverPublisher) Unpublish(key string) error {
	p.driver.change(p.topic, Change{Operation: Delete, Key: key})
	return nil
}

// Restart does nothing.
func (p *MemoryDriverPublisher) Restart(int) error { return nil }

// Stop does nothing.
func (p *MemoryDriverPublisher) Stop() error { return nil }

// LargeDirName returns the directory for temporary files.
func (p *MemoryDriverPublisher) LargeDirName() string { return os.TempDir() }

// MemoryDriverSubscriber is the reading end of a topic.
type MemoryDriverSubscriber struct {
	driver  *MemoryDriver
	topic   string
	changes chan Change
}

// Start does nothing: changes come since the subscriber was made.
func (s *MemoryDriverSubscriber) Start() error { return nil }

// Load returns the topic's keys.
func (s *MemoryDriverSubscriber) Load() (map[string][]byte, int, error) {
	return s.driver.load(s.topic), 0, nil
}

// Stop ends the changes.
func (s *MemoryDriverSubscriber) Stop() error {
	s.driver.mu.Lock()
	defer s.driver.mu.Unlock()
	s.driver.readers[s.topic] = slices.DeleteFunc(s.driver.readers[s.topic], func(c chan Change) bool { return c == s.changes })
	return nil
}

// LargeDirName returns the directory for temporary files.
func (s *MemoryDriverSubscriber) LargeDirName() string { return os.TempDir() }
