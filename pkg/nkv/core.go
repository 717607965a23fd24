package nkv

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/store"
)

// DefaultOwnerGrace is how long a table stays its owner's after the owner's
// connection is gone.
const DefaultOwnerGrace = 5 * time.Second

// maxWaiting is how many requests may wait for the core before Submit blocks.
const maxWaiting = 8192

// What may wait for the durable store, when it is slow or stuck, besides the batch
// that it is given: so many requests, and so many bytes of values. What comes on
// top is refused, so that a stuck disk costs no memory without end.
const (
	maxQueued      = 8192
	maxQueuedBytes = 64 << 20
)

// Options configure a core. The zero value of a field is its default.
type Options struct {
	// Durable is the store of durable tables; nil: one in memory.
	Durable store.PersistValue
	// Volatile is the store of volatile tables; nil: one in memory.
	Volatile store.PersistValue
	// BootID names the boot that volatile tables belong to. When the volatile
	// store was written under another one, it is emptied.
	BootID string
	// Notifier is told every event; nil: nobody is.
	Notifier Notifier
	// OwnerGrace is DefaultOwnerGrace unless set; negative is ErrInvalidOption.
	OwnerGrace time.Duration
	// HoldGrace makes no owner's grace end before StartGrace is called: nobody
	// loses a table while the server is still starting.
	HoldGrace bool
	// Logger gets what people should know; nil: nothing is logged.
	Logger logrus.FieldLogger

	reserve uint64 // the constant unless a test sets it
}

// Core holds the state. Its methods are safe for concurrent use.
type Core struct {
	notifier Notifier
	grace    time.Duration
	log      logrus.FieldLogger
	storeID  atomic.Pointer[string] // run changes it

	mu      sync.Mutex // guards waiting and closed
	space   *sync.Cond // signalled when waiting became shorter
	waiting []task
	closed  bool
	wake    chan struct{} // holds a token when waiting is not empty
	done    chan struct{} // closed when run has returned
	lanes   sync.WaitGroup

	// All below is owned by run.
	tables    map[string]*table
	durable   *lane
	volatile  *lane
	claimed   map[string]int // requests of a table in the durable lane
	instances map[string]int // living connections of each instance
	revision  uint64         // the newest given
	ceiling   uint64         // revisions up to it may be given
	reserve   uint64         // how many are set aside at a time
	raising   bool           // a higher ceiling is being written
	raiseAt   time.Time      // not to be tried before, after a failure
	expiry    *time.Timer    // of the earliest grace
	holding   bool           // no grace ends yet
	owners    func(Info)     // is told who owns a table; nil: nobody asked
	stopping  bool
}

// task is a request, or something that the core does for itself.
type task struct {
	request Request
	do      func()
}

// Open reads the stores and starts a core; Close stops it. The stores stay the
// caller's to close, after Close. A record that can't be read is ErrCorrupt.
func Open(opts Options) (*Core, error) {
	if opts.OwnerGrace < 0 {
		return nil, fmt.Errorf("%w: OwnerGrace is %s; it can't be negative", ErrInvalidOption, opts.OwnerGrace)
	}
	c := &Core{
		notifier:  opts.Notifier,
		grace:     opts.OwnerGrace,
		reserve:   opts.reserve,
		holding:   opts.HoldGrace,
		log:       opts.Logger,
		wake:      make(chan struct{}, 1),
		done:      make(chan struct{}),
		tables:    map[string]*table{},
		claimed:   map[string]int{},
		instances: map[string]int{},
	}
	c.space = sync.NewCond(&c.mu)
	if c.grace == 0 {
		c.grace = DefaultOwnerGrace
	}
	if c.reserve == 0 {
		c.reserve = reserve
	}
	if c.log == nil {
		c.log = discard()
	}
	if opts.Durable == nil {
		opts.Durable = store.NewMemory()
	}
	if opts.Volatile == nil {
		opts.Volatile = store.NewMemory()
	}
	c.durable = &lane{name: "durable", store: opts.Durable}
	c.volatile = &lane{name: "volatile", store: opts.Volatile}
	if err := c.load(opts.BootID); err != nil {
		return nil, err
	}
	c.expiry = time.NewTimer(time.Hour)
	c.scheduleExpiry()
	go c.run()
	return c, nil
}

// StoreID names the lineage of this core's revisions. A restore makes a new one.
func (c *Core) StoreID() string { return *c.storeID.Load() }

// Submit queues a request; see NotifyKeyValue. It blocks while thousands wait.
// On a closed core the answer is ErrClosed.
func (c *Core) Submit(r Request) {
	c.mu.Lock()
	for len(c.waiting) >= maxWaiting && !c.closed {
		c.space.Wait()
	}
	if c.closed {
		c.mu.Unlock()
		r.Done(Result{Err: ErrClosed})
		return
	}
	c.waiting = append(c.waiting, task{request: r})
	c.mu.Unlock()
	c.signal()
}

// Connected tells that a connection of instance is there. Each must be followed,
// some time, by a Disconnected.
func (c *Core) Connected(instance string) {
	c.post(func() { c.arrived(instance) })
}

// Disconnected tells that a connection of instance is gone.
func (c *Core) Disconnected(instance string) {
	c.post(func() { c.disconnected(instance) })
}

// Close answers what waits, lets running commits finish, and returns when the
// core has stopped. It is idempotent.
func (c *Core) Close() {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		c.waiting = append(c.waiting, task{do: func() { c.stopping = true }})
	}
	c.space.Broadcast()
	c.mu.Unlock()
	c.signal()
	<-c.done
}

// post queues something that the core does for itself. It never blocks, and
// still works while the core closes.
func (c *Core) post(do func()) {
	c.mu.Lock()
	c.waiting = append(c.waiting, task{do: do})
	c.mu.Unlock()
	c.signal()
}

func (c *Core) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *Core) take() []task {
	c.mu.Lock()
	defer c.mu.Unlock()
	tasks := c.waiting
	c.waiting = nil
	c.space.Broadcast()
	return tasks
}

// run is the core's goroutine.
func (c *Core) run() {
	defer close(c.done)
	defer c.expiry.Stop()
	for !c.stopping || c.durable.flying || len(c.durable.queue) > 0 {
		select {
		case <-c.wake:
			c.process(c.take())
		case <-c.expiry.C:
			c.expireOwners()
			c.process(nil)
		}
	}
	c.durable.stop()
	c.volatile.stop()
	c.lanes.Wait()
	for _, t := range c.take() {
		if t.do == nil {
			t.request.Done(Result{Err: ErrClosed})
		}
	}
}

// process does everything that waited, in order: volatile changes as one batch,
// durable ones into the durable lane's queue, reads after the changes that were
// submitted before them.
func (c *Core) process(tasks []task) {
	b := c.newBatch(c.volatile)
	var reads []Request
	settle := func() {
		c.commitVolatile(b)
		for _, r := range reads {
			r.Done(c.read(r))
		}
		b, reads = c.newBatch(c.volatile), nil
	}
	for _, t := range tasks {
		switch {
		case t.do != nil:
			settle()
			t.do()
		case t.request.Op >= OpGet:
			reads = append(reads, t.request)
		case c.inDurableLane(t.request):
			c.enqueue(t.request)
		default:
			b.stage(t.request)
		}
	}
	settle()
	c.startDurable()
	c.raiseCeiling()
}

// enqueue puts a change into the durable lane's queue.
func (c *Core) enqueue(r Request) {
	l := c.durable
	if len(l.queue) >= maxQueued || len(l.queue) > 0 && l.queued+len(r.Value) > maxQueuedBytes {
		r.Done(Result{Err: fmt.Errorf("%w: %d changes wait for the %s store already", ErrUnavailable, len(l.queue), l.name)})
		return
	}
	c.claimed[r.Table]++
	l.queue = append(l.queue, r)
	l.queued += len(r.Value)
}

// inDurableLane reports whether a change goes through the durable lane: its
// table is durable, is to become so or is to cease to be so, or has requests
// there that must stay ahead of this one.
func (c *Core) inDurableLane(r Request) bool {
	if c.claimed[r.Table] > 0 || r.Op == OpRestore {
		return true
	}
	t := c.tables[r.Table]
	if t == nil {
		return r.Durable
	}
	return t.meta.Durable || r.Op == OpOpen && r.Durable
}
