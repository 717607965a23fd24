package pubsub

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Subscription is an agent's reading end of a table. ProcessChange, Activate and
// Close are for one goroutine; the others are safe for concurrent use.
type Subscription interface {
	// Get returns the value of a key, which must not be changed.
	Get(key string) (any, error)
	// GetAll returns all values, by key. They must not be changed.
	GetAll() map[string]any
	// Iterate calls function with all values, until it returns false.
	Iterate(function func(key string, val any) bool)
	// Restarted reports whether the publisher's restart counter is not 0.
	Restarted() bool
	// RestartCounter returns the publisher's restart counter.
	RestartCounter() int
	// Synchronized reports whether all that there was has been processed.
	Synchronized() bool
	// ProcessChange applies a change from MsgChan and calls the handler for it.
	ProcessChange(change Change)
	// MsgChan returns the channel through which changes come.
	MsgChan() <-chan Change
	// Activate begins the changes. Of a persistent subscription it processes what
	// there is before it returns.
	Activate() error
	// Close ends the changes and forgets all values, telling the handlers.
	Close() error
}

// SubscriptionImpl is what NewSubscription returns. The handlers may be set until
// Activate.
type SubscriptionImpl struct {
	C                   <-chan Change
	CreateHandler       SubCreateHandler
	ModifyHandler       SubModifyHandler
	DeleteHandler       SubDeleteHandler
	RestartHandler      SubRestartHandler
	SynchronizedHandler SubSyncHandler
	MaxProcessTimeWarn  time.Duration
	MaxProcessTimeError time.Duration
	Persistent          bool

	ps          *PubSub
	log         Log
	name        string // the driver's name of the table
	topic       string
	topicType   reflect.Type
	userCtx     any
	myAgentName string
	driver      DriverSubscriber

	mu           sync.Mutex // guards the fields below
	values       map[string]any
	restarts     int
	synchronized bool
}

func newSubscription(p *PubSub, options SubscriptionOptions, changes <-chan Change) *SubscriptionImpl {
	topic := TypeToName(options.TopicImpl)
	return &SubscriptionImpl{
		C: changes, CreateHandler: options.CreateHandler, ModifyHandler: options.ModifyHandler,
		DeleteHandler: options.DeleteHandler, RestartHandler: options.RestartHandler, SynchronizedHandler: options.SyncHandler,
		MaxProcessTimeWarn: options.WarningTime, MaxProcessTimeError: options.ErrorTime, Persistent: options.Persistent,
		ps: p, log: p.log, name: tableName(options.AgentName, options.AgentScope, topic), topic: topic,
		topicType: reflect.TypeOf(options.TopicImpl), userCtx: options.Ctx, myAgentName: options.MyAgentName,
		values: map[string]any{},
	}
}

// MsgChan returns the channel through which changes come.
func (sub *SubscriptionImpl) MsgChan() <-chan Change { return sub.C }

// Topic returns the topic's name.
func (sub *SubscriptionImpl) Topic() string { return sub.topic }

// Activate begins the changes. Of a persistent subscription it processes what
// there is before it returns, whether or not the publisher is there.
func (sub *SubscriptionImpl) Activate() error {
	if sub.Persistent {
		sub.populate()
	}
	return sub.driver.Start()
}

func (sub *SubscriptionImpl) populate() {
	values, restarts, err := sub.driver.Load()
	if err != nil {
		sub.log.Errorf("what was published in %s before comes later: %v", sub.name, err)
		return
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		handleModify(sub, key, values[key])
	}
	if restarts != 0 {
		sub.handleRestart(restarts)
	}
}

// Close ends the changes and forgets all values: the handlers are told of their
// deletion, of the restart counter 0 and of synchronized false.
func (sub *SubscriptionImpl) Close() error {
	err := sub.driver.Stop()
	sub.drain()
	for _, key := range slices.Sorted(maps.Keys(sub.GetAll())) {
		sub.handleDelete(key)
	}
	sub.handleRestart(0)
	sub.handleSynchronized(false)
	return err
}

// drain drops the changes that wait in the channel: they would come after the end.
func (sub *SubscriptionImpl) drain() {
	for {
		select {
		case _, open := <-sub.C:
			if !open {
				return
			}
		default:
			return
		}
	}
}

// ProcessChange applies a change from MsgChan and calls the handler for it.
func (sub *SubscriptionImpl) ProcessChange(change Change) {
	start := time.Now()
	switch change.Operation {
	case Restart:
		counter, err := strconv.Atoi(change.Key)
		if err != nil {
			sub.log.Warnf("%s: the restart counter is no number; it is taken as 1", sub.name)
			counter = 1
		}
		sub.handleRestart(counter)
	case Sync:
		sub.handleSynchronized(true)
	case Delete:
		sub.handleDelete(change.Key)
	case Modify:
		handleModify(sub, change.Key, change.Value)
	}
	sub.ps.CheckMaxTimeTopic(sub.myAgentName, sub.topic, start, sub.MaxProcessTimeWarn, sub.MaxProcessTimeError)
}

// Get returns the value of a key, which must not be changed.
func (sub *SubscriptionImpl) Get(key string) (any, error) {
	if v, there := sub.value(key); there {
		return v, nil
	}
	return nil, fmt.Errorf("%w: get %s/%s", ErrUnknownKey, sub.name, key)
}

func (sub *SubscriptionImpl) value(key string) (any, bool) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	v, there := sub.values[key]
	return v, there
}

// GetAll returns all values, by key. They must not be changed.
func (sub *SubscriptionImpl) GetAll() map[string]any {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	return maps.Clone(sub.values)
}

// Iterate calls function with all values, by key, until it returns false.
func (sub *SubscriptionImpl) Iterate(function func(key string, val any) bool) {
	values := sub.GetAll()
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if !function(key, values[key]) {
			return
		}
	}
}

// Restarted reports whether the publisher's restart counter is not 0.
func (sub *SubscriptionImpl) Restarted() bool { return sub.RestartCounter() != 0 }

// RestartCounter returns the publisher's restart counter.
func (sub *SubscriptionImpl) RestartCounter() int {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	return sub.restarts
}

// Synchronized reports whether all that there was has been processed.
func (sub *SubscriptionImpl) Synchronized() bool {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	return sub.synchronized
}

// handleModify takes a new value of a key. One that does not fit the topic's type
// is logged, and the value before stays.
func handleModify(sub *SubscriptionImpl, key string, b []byte) {
	item, err := decode(b, sub.topicType)
	if err != nil {
		sub.log.Errorf("%s/%s keeps its value: %v", sub.name, key, err)
		return
	}
	old, there := sub.value(key)
	if there && reflect.DeepEqual(old, item) {
		return
	}
	if there {
		logModify(sub.log, item, old)
	} else {
		logCreate(sub.log, item)
	}
	sub.mu.Lock()
	sub.values[key] = item
	sub.mu.Unlock()
	switch {
	case !there && sub.CreateHandler != nil:
		sub.CreateHandler(sub.userCtx, key, sub.copyOf(item, b))
	case there && sub.ModifyHandler != nil:
		sub.ModifyHandler(sub.userCtx, key, sub.copyOf(item, b), old)
	}
}

// copyOf returns another value from the same JSON: a handler may change its own.
func (sub *SubscriptionImpl) copyOf(item any, b []byte) any {
	if c, err := decode(b, sub.topicType); err == nil {
		return c
	}
	return item
}

func (sub *SubscriptionImpl) handleDelete(key string) {
	sub.mu.Lock()
	old, there := sub.values[key]
	delete(sub.values, key)
	sub.mu.Unlock()
	if !there {
		return
	}
	logDelete(sub.log, old)
	if sub.DeleteHandler != nil {
		sub.DeleteHandler(sub.userCtx, key, old)
	}
}

func (sub *SubscriptionImpl) handleRestart(counter int) {
	sub.mu.Lock()
	same := sub.restarts == counter
	sub.restarts = counter
	sub.mu.Unlock()
	if !same && sub.RestartHandler != nil {
		sub.RestartHandler(sub.userCtx, counter)
	}
}

func (sub *SubscriptionImpl) handleSynchronized(synchronized bool) {
	sub.mu.Lock()
	same := sub.synchronized == synchronized
	sub.synchronized = synchronized
	sub.mu.Unlock()
	if !same && sub.SynchronizedHandler != nil {
		sub.SynchronizedHandler(sub.userCtx, synchronized)
	}
}
