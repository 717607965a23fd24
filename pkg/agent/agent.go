package agent

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/client"
)

// Agent is a named client with one event loop, which runs all its handlers,
// timers and channels, never two at once. Its methods are safe for concurrent
// use.
type Agent struct {
	name   string
	opts   *options
	log    logrus.FieldLogger
	client *client.Client

	wake chan struct{} // holds a token when the loop may have something to do

	mu      sync.Mutex // guards the fields below
	sources []source
	ready   []source // that may have work, in the order in which they said so
	queued  map[source]bool
	tasks   []task
	running bool
	closed  bool

	watch  *watch
	ctx    context.Context // ends with the agent
	cancel context.CancelFunc
	work   sync.WaitGroup // forwarders of channels and timers
}

// source is something that the loop takes work from.
type source interface {
	// step does one piece of work; false: there was none.
	step(ctx context.Context) bool
	Close()
}

// task is a piece of work that came from a timer or a channel.
type task struct {
	name string
	do   func(ctx context.Context)
}

// Connect makes an agent with this name; only it may publish the tables that
// name it as their owner. It returns at once, whether or not the server is there:
// nothing depends on who starts first.
//
// The agent lives until Run returns or Close.
func Connect(ctx context.Context, name string, given ...Option) (*Agent, error) {
	opts, err := newOptions(given)
	if err != nil {
		return nil, err
	}
	a := &Agent{
		name: name, opts: opts, log: opts.log.WithField("agent", name),
		wake: make(chan struct{}, 1), queued: map[source]bool{},
	}
	a.client, err = client.Connect(ctx, opts.url, append([]client.Option{client.Name(name)}, opts.client...)...)
	if err != nil {
		return nil, fmt.Errorf("agent %s: %w", name, err)
	}
	a.ctx, a.cancel = context.WithCancel(context.WithoutCancel(ctx))
	a.watch = newWatch(a.log, opts)
	return a, nil
}

// Name returns the agent's name.
func (a *Agent) Name() string { return a.name }

// Client returns the client below, for what has no type.
func (a *Agent) Client() *client.Client { return a.client }

// Run is the event loop: it calls handlers until ctx is done, then closes the
// agent and returns nil. It returns an error when the agent was closed before, or
// runs already.
func (a *Agent) Run(ctx context.Context) error {
	if err := a.begin(); err != nil {
		return err
	}
	defer a.Close()
	ticker := a.watch.start()
	defer a.watch.stop()
	for ctx.Err() == nil && a.ctx.Err() == nil {
		if a.step(ctx) {
			continue
		}
		select {
		case <-a.wake:
		case <-ticker:
			a.watch.touch()
		case <-ctx.Done():
		case <-a.ctx.Done():
		}
	}
	a.mu.Lock()
	a.running = false
	a.mu.Unlock()
	return nil
}

func (a *Agent) begin() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.closed:
		return fmt.Errorf("%w: %s", ErrClosed, a.name)
	case a.running:
		return fmt.Errorf("%w: %s", ErrRunning, a.name)
	}
	a.running = true
	return nil
}

// step does the tasks that wait, and one piece of work of the source that has
// waited longest, so that none waits for all the work of another.
func (a *Agent) step(ctx context.Context) bool {
	tasks, s := a.next()
	for _, t := range tasks {
		a.watch.touch()
		a.watch.guard(t.name, "", func() { t.do(ctx) })
	}
	if s == nil {
		return len(tasks) > 0
	}
	a.watch.touch()
	if ctx.Err() == nil && s.step(ctx) {
		a.hasWork(s)
	}
	return true
}

func (a *Agent) next() (tasks []task, s source) {
	a.mu.Lock()
	defer a.mu.Unlock()
	tasks, a.tasks = a.tasks, nil
	if len(a.ready) > 0 {
		s = a.ready[0]
		a.ready = a.ready[1:]
		delete(a.queued, s)
	}
	return tasks, s
}

// hasWork makes the loop ask a source for work. It never blocks.
func (a *Agent) hasWork(s source) {
	a.mu.Lock()
	if !a.queued[s] {
		a.queued[s] = true
		a.ready = append(a.ready, s)
	}
	a.mu.Unlock()
	a.signal()
}

func (a *Agent) signal() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// post gives the loop a task; false: the agent is closed.
func (a *Agent) post(t task) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return false
	}
	a.tasks = append(a.tasks, t)
	a.signal()
	return true
}

func (a *Agent) add(s source) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return fmt.Errorf("%w: %s", ErrClosed, a.name)
	}
	a.sources = append(slices.Clip(a.sources), s)
	return nil
}

func (a *Agent) drop(s source) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sources = slices.DeleteFunc(slices.Clone(a.sources), func(other source) bool { return other == s })
}

// Close gives up the agent's tables, whose keys stay, and ends it. It is
// idempotent and returns when all has stopped, but for a handler that runs.
func (a *Agent) Close() {
	a.mu.Lock()
	a.closed = true
	sources := a.sources
	a.mu.Unlock()
	a.cancel()
	for _, s := range sources {
		s.Close()
	}
	a.client.Close()
	a.work.Wait()
}
