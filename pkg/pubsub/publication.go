package pubsub

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
)

// Getter gets values by key.
type Getter interface {
	Get(key string) (any, error)
}

// Publication is an agent's writing end of a table. Its methods are safe for
// concurrent use.
type Publication interface {
	// CheckMaxSize returns an error when Publish would, for the value's size.
	CheckMaxSize(key string, item any) error
	// Publish makes key be item. A value that is the same already is not sent.
	Publish(key string, item any) error
	// Unpublish makes key be gone.
	Unpublish(key string) error
	// SignalRestarted adds one to the restart counter, after all that was published.
	SignalRestarted() error
	// ClearRestarted makes the restart counter 0.
	ClearRestarted() error
	// Get returns a copy of the value of a key.
	Get(key string) (any, error)
	// GetAll returns copies of all values, by key.
	GetAll() map[string]any
	// Iterate calls function with copies of all values, until it returns false.
	Iterate(function func(key string, val any) bool)
	// Close ends the publication, and unpublishes all of one that is not persistent.
	Close() error
}

// PublicationImpl is what NewPublication returns.
type PublicationImpl struct {
	topicType  reflect.Type
	topic      string
	name       string // the driver's name of the table
	persistent bool
	updaters   *Updaters
	log        Log
	driver     DriverPublisher

	changing sync.Mutex // held over a change, so that the driver gets changes in their order

	mu       sync.Mutex        // guards the fields below
	values   map[string][]byte // JSON
	restarts int
	marked   bool // the agent has set or cleared the counter
	loaded   bool // what was published before is known
}

// IsRestarted reports whether the restart counter is not 0.
func (pub *PublicationImpl) IsRestarted() bool { return pub.RestartCounter() != 0 }

// RestartCounter returns the restart counter.
func (pub *PublicationImpl) RestartCounter() int {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	return pub.restarts
}

// encode checks a value and makes it JSON.
func (pub *PublicationImpl) encode(key string, item any) ([]byte, error) {
	switch topic := TypeToName(item); {
	case item == nil, topic != pub.topic:
		return nil, fmt.Errorf("%w: publish %s/%s: it takes a %s and got a %T", ErrType, pub.name, key, pub.topic, item)
	case reflect.TypeOf(item).Kind() == reflect.Pointer:
		return nil, fmt.Errorf("%w: publish %s/%s: it takes a %s and got a pointer to one", ErrType, pub.name, key, pub.topic)
	}
	b, err := json.Marshal(item)
	if err != nil {
		return nil, fmt.Errorf("%w: publish %s/%s: %s", ErrType, pub.name, key, sanitize(err))
	}
	return b, nil
}

// CheckMaxSize returns an error when Publish would, for the value's size.
func (pub *PublicationImpl) CheckMaxSize(key string, item any) error {
	b, err := pub.encode(key, item)
	if err != nil {
		return err
	}
	return pub.driver.CheckMaxSize(key, b)
}

// Publish makes key be item. With ErrType, and with an error of the driver that says
// that it will never take the value (its Refused() is true), nothing was changed;
// with any other the publication holds the value, and the driver goes on trying.
func (pub *PublicationImpl) Publish(key string, item any) error {
	b, err := pub.encode(key, item)
	if err != nil {
		return err
	}
	pub.changing.Lock()
	defer pub.changing.Unlock()
	old, there := pub.value(key)
	if there && bytes.Equal(old, b) {
		return nil
	}
	pub.set(key, b)
	pub.updaters.notify(pub.name)
	if err := pub.driver.Publish(key, b); err != nil {
		if refused(err) {
			pub.restore(key, old, there)
		}
		return err
	}
	pub.logPublish(b, old, there)
	return nil
}

// refused reports whether a driver's error says that it will never take a value.
func refused(err error) bool {
	var r interface{ Refused() bool }
	return errors.As(err, &r) && r.Refused()
}

func (pub *PublicationImpl) value(key string) ([]byte, bool) {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	b, there := pub.values[key]
	return b, there
}

func (pub *PublicationImpl) set(key string, b []byte) {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	pub.values[key] = b
}

func (pub *PublicationImpl) restore(key string, old []byte, there bool) {
	pub.mu.Lock()
	if there {
		pub.values[key] = old
	} else {
		delete(pub.values, key)
	}
	pub.mu.Unlock()
	pub.updaters.notify(pub.name)
}

// logPublish lets a value log itself that does so.
func (pub *PublicationImpl) logPublish(b, old []byte, there bool) {
	if !logs(pub.topicType) {
		return
	}
	item, err := decode(b, pub.topicType)
	if err != nil {
		return
	}
	if !there {
		logCreate(pub.log, item)
		return
	}
	if before, err := decode(old, pub.topicType); err == nil {
		logModify(pub.log, item, before)
	}
}

// Unpublish makes key be gone.
func (pub *PublicationImpl) Unpublish(key string) error {
	pub.changing.Lock()
	defer pub.changing.Unlock()
	old, there := pub.value(key)
	if !there {
		err := fmt.Errorf("%w: unpublish %s/%s", ErrUnknownKey, pub.name, key)
		pub.log.Errorf("%v", err)
		return err
	}
	if logs(pub.topicType) {
		if before, err := decode(old, pub.topicType); err == nil {
			logDelete(pub.log, before)
		}
	}
	pub.mu.Lock()
	delete(pub.values, key)
	pub.mu.Unlock()
	pub.updaters.notify(pub.name)
	return pub.driver.Unpublish(key)
}

// SignalRestarted adds one to the restart counter, after all that was published.
func (pub *PublicationImpl) SignalRestarted() error { return pub.restart(true) }

// ClearRestarted makes the restart counter 0.
func (pub *PublicationImpl) ClearRestarted() error { return pub.restart(false) }

func (pub *PublicationImpl) restart(restarted bool) error {
	pub.changing.Lock()
	defer pub.changing.Unlock()
	pub.mu.Lock()
	counter := 0
	if restarted {
		counter = pub.restarts + 1
	}
	same := counter == pub.restarts && (pub.marked || pub.loaded)
	pub.restarts, pub.marked = counter, true
	pub.mu.Unlock()
	if same {
		return nil
	}
	pub.updaters.notify(pub.name)
	return pub.driver.Restart(counter)
}

// Get returns a copy of the value of a key.
func (pub *PublicationImpl) Get(key string) (any, error) {
	b, there := pub.value(key)
	if !there {
		return nil, fmt.Errorf("%w: get %s/%s", ErrUnknownKey, pub.name, key)
	}
	return decode(b, pub.topicType)
}

// GetAll returns copies of all values, by key.
func (pub *PublicationImpl) GetAll() map[string]any {
	all := map[string]any{}
	pub.Iterate(func(key string, val any) bool {
		all[key] = val
		return true
	})
	return all
}

// Iterate calls function with copies of all values, by key, until it returns false.
// It may publish and unpublish.
func (pub *PublicationImpl) Iterate(function func(key string, val any) bool) {
	values := pub.all()
	for _, key := range slices.Sorted(maps.Keys(values)) {
		item, err := decode(values[key], pub.topicType)
		if err != nil {
			pub.log.Errorf("%s/%s: %v", pub.name, key, err)
			continue
		}
		if !function(key, item) {
			return
		}
	}
}

func (pub *PublicationImpl) all() map[string][]byte {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	return maps.Clone(pub.values)
}

// Close ends the publication, and unpublishes all of one that is not persistent.
func (pub *PublicationImpl) Close() error {
	var failed []error
	if !pub.persistent {
		for _, key := range slices.Sorted(maps.Keys(pub.all())) {
			if err := pub.Unpublish(key); err != nil && !errors.Is(err, ErrUnknownKey) {
				failed = append(failed, err)
			}
		}
	}
	failed = append(failed, pub.ClearRestarted(), pub.driver.Stop())
	return errors.Join(failed...)
}

// DetermineDiffs brings a reader's copy up to date and returns the keys that
// differed, those that are gone first.
func (pub *PublicationImpl) DetermineDiffs(localCollection LocalCollection) []string {
	values := pub.all()
	var keys []string
	for key := range localCollection {
		if _, there := values[key]; !there {
			delete(localCollection, key)
			keys = append(keys, key)
		}
	}
	for key, b := range values {
		if local, there := localCollection[key]; !there || !bytes.Equal(local, b) {
			localCollection[key] = b
			keys = append(keys, key)
		}
	}
	return keys
}

// populate takes over what was published before, now or when the driver finds it.
func (pub *PublicationImpl) populate() {
	if pub.load() {
		return
	}
	if late, ok := pub.driver.(lateLoader); ok {
		late.LoadLater(func() { pub.load() })
	}
}

// load takes over what the driver finds, and reports whether it found it. Nothing
// changes meanwhile: what is unpublished must not come back.
func (pub *PublicationImpl) load() bool {
	pub.changing.Lock()
	defer pub.changing.Unlock()
	values, restarts, err := pub.driver.Load()
	if err != nil {
		pub.log.Errorf("what was published in %s before is not known yet: %v", pub.name, err)
		return false
	}
	pub.adopt(values, restarts)
	return true
}

// adopt takes values that this publication does not know.
func (pub *PublicationImpl) adopt(values map[string][]byte, restarts int) {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	for key, b := range values {
		if _, there := pub.values[key]; there {
			continue
		}
		if _, err := decode(b, pub.topicType); err != nil {
			pub.log.Errorf("%s/%s is left as it is: %v", pub.name, key, err)
			continue
		}
		pub.values[key] = b
	}
	if !pub.marked {
		pub.restarts = restarts
	}
	pub.loaded = true
}
