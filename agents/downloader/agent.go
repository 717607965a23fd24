package downloader

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/agents/converge"
	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/agents/wanted"
	"github.com/evenkv/nkv/pkg/agent"
)

// Defaults of the options.
const (
	DefaultParallel     = 4
	DefaultStallTimeout = 30 * time.Second
	DefaultRetryFirst   = time.Second
)

// Options configure the agent.
type Options struct {
	// Parallel is how many files are fetched at a time; 0: DefaultParallel.
	Parallel int
	// StallTimeout is how long a server may send nothing, or less than 1 KiB; 0:
	// DefaultStallTimeout.
	StallTimeout time.Duration
	// RetryFirst is the pause after a try that failed; it doubles with each that
	// fails after it without having brought anything, up to the config item
	// timer.download.retry. 0: DefaultRetryFirst.
	RetryFirst time.Duration
	// Logger gets what people should know; required. Values and credentials are
	// never logged.
	Logger logrus.FieldLogger
}

func (o *Options) check() error {
	switch {
	case o.Parallel < 0:
		return fmt.Errorf("%w: Parallel is %d; it is how many files are fetched at a time", ErrInvalidOption, o.Parallel)
	case o.StallTimeout < 0:
		return fmt.Errorf("%w: StallTimeout is %s; it must be positive", ErrInvalidOption, o.StallTimeout)
	case o.RetryFirst < 0:
		return fmt.Errorf("%w: RetryFirst is %s; it must be positive", ErrInvalidOption, o.RetryFirst)
	case o.Logger == nil:
		return fmt.Errorf("%w: Logger is nil", ErrInvalidOption)
	}
	if o.Parallel == 0 {
		o.Parallel = DefaultParallel
	}
	if o.StallTimeout == 0 {
		o.StallTimeout = DefaultStallTimeout
	}
	if o.RetryFirst == 0 {
		o.RetryFirst = DefaultRetryFirst
	}
	return nil
}

// Agent fetches what is requested. It belongs to the event loop of its
// agent.Agent.
type Agent struct {
	opts      Options
	log       logrus.FieldLogger
	agent     *agent.Agent
	loop      *converge.Loop // calls converge
	publisher *publisher
	ctx       context.Context // of the jobs
	work      sync.WaitGroup  // the jobs and the publisher

	requests   map[string]types.DownloaderConfig
	datastores map[string]types.DatastoreConfig
	items      map[string]types.ConfigItem

	downloads map[string]*download
	orders    uint64            // the newest place in the queue
	claims    map[string]string // which download may touch a target's files
	preparing int               // jobs of each kind
	fetching  int
	most      time.Duration // between two tries
	badItem   string        // the value of the config item that was complained about
	started   bool          // the tables were read
	ready     bool          // the readers are told so
	alarm     func()        // stops the timer for the next try
	ticking   bool          // the timer for progress runs
}

// Run fetches what is requested until ctx is done, with an agent that was
// connected under the name "downloader"; then it returns nil, and the agent is
// closed and all transfers have ended. It waits for the server, and for another
// downloader to leave. Nothing is done before the tables it reads were read
// completely: what a former downloader published stands until then.
func Run(parent context.Context, a *agent.Agent, opts Options) error {
	if err := opts.check(); err != nil {
		return err
	}
	defer a.Close()
	ctx, cancel := context.WithCancel(parent)
	g := &Agent{
		opts: opts, log: opts.Logger, agent: a, ctx: ctx, most: retryDefault,
		downloads: map[string]*download{}, claims: map[string]string{}, alarm: func() {},
	}
	defer g.work.Wait()
	defer cancel()
	g.loop = converge.New(a, "compare requests and downloads", g.converge)
	pub, err := wanted.Open(ctx, a, topics.DownloaderStatus, g.log)
	if err != nil {
		if ctx.Err() != nil {
			return nil // told to end while waiting
		}
		return err
	}
	g.publisher = newPublisher(pub, g.log)
	var errs [3]error
	g.requests, errs[0] = converge.Follow(ctx, g.loop, topics.DownloaderConfig)
	g.datastores, errs[1] = converge.Follow(ctx, g.loop, topics.DatastoreConfig)
	g.items, errs[2] = converge.Follow(ctx, g.loop, topics.ConfigItem)
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	g.work.Go(func() { g.publisher.run(ctx) })
	return a.Run(ctx)
}

// converge takes up what changed: requests, datastores, the config item.
func (g *Agent) converge(context.Context) {
	g.setMost()
	for _, key := range slices.Sorted(maps.Keys(g.requests)) {
		p := newPlan(g.requests[key], g.datastores)
		d := g.downloads[key]
		switch {
		case d == nil:
			g.add(newDownload(key, p, g.former(key)))
		case d.gone || !d.plan.equal(p):
			d.replan(p)
			d.order = g.nextOrder()
		}
	}
	if !g.started {
		g.takeLeftovers()
		g.started = true
	}
	for key, d := range g.downloads {
		if _, wanted := g.requests[key]; !wanted && !d.gone {
			d.leave()
		}
	}
	g.advance()
}

// former returns what a former instance published of a key; nil: nothing, or
// nothing that can be read. What this instance published is in its downloads.
func (g *Agent) former(key string) *types.DownloaderStatus {
	if g.started {
		return nil
	}
	if status, ok := g.publisher.pub.Get(key); ok {
		return &status
	}
	return nil
}

func (g *Agent) add(d *download) {
	d.fresh = !g.started
	d.order = g.nextOrder()
	g.downloads[d.key] = d
}

// takeLeftovers takes up what a former instance published of requests that are
// gone by now.
func (g *Agent) takeLeftovers() {
	for key := range g.publisher.pub.Keys() {
		if g.downloads[key] != nil {
			continue
		}
		var p plan
		if former := g.former(key); former != nil {
			p.request = former.Request
		}
		d := newDownload(key, p, nil)
		d.fresh, d.held = true, true
		g.downloads[key] = d
	}
}

func (g *Agent) nextOrder() uint64 {
	g.orders++
	return g.orders
}

// setMost takes over the config item, also for what waits already.
func (g *Agent) setMost() {
	most, ok := retryMost(g.items)
	if value := g.items[retryItem].Value; !ok && value != g.badItem {
		g.log.Warnf("config item %s is no positive number of seconds; %s holds", retryItem, retryDefault)
		g.badItem = value
	} else if ok {
		g.badItem = ""
	}
	if most == g.most {
		return
	}
	g.most = most
	for _, d := range g.downloads {
		if d.stage == waiting {
			d.due = d.failedAt.Add(pause(g.opts.RetryFirst, g.most, d.pauses-1))
			d.status.RetryAt = inUTC(d.due)
		}
	}
}
