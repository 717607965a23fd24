package domainmgr

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
	"github.com/evenkv/nkv/agents/domainmgr/domain"
	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/agents/wanted"
	"github.com/evenkv/nkv/pkg/agent"
)

// publishTimeout is how long the agent waits for the server to acknowledge what
// it publishes at once. Applications wait for it too, so it is short; what was not
// acknowledged by then the publications send when they can.
const publishTimeout = time.Second

// Agent runs the applications. It belongs to the event loop of its agent.Agent,
// to which its goroutines report.
type Agent struct {
	opts  Options
	log   logrus.FieldLogger
	dir   *domain.Dir
	agent *agent.Agent
	loop  *converge.Loop // calls compare

	want    map[string]types.DomainConfig
	apps    map[string]*app
	metrics map[string]types.DomainMetric
	begun   bool     // compare was called
	due     []func() // what to begin when the statuses that announce it were published

	status *agent.Publication[types.DomainStatus]
	metric *agent.Publication[types.DomainMetric]
	began  wanted.Restart

	ctx      context.Context // ends with Run
	work     sync.WaitGroup  // the goroutines of the applications, and that of a sample
	sampling bool
}

// Run runs applications until ctx is done, with an agent that was connected under
// the name "domainmgr"; then it returns nil, the agent is closed, and the
// applications live on. It waits for the server, and for another domainmgr to
// leave. Nothing is published, started or ended before zedmanager's table was
// read completely.
func Run(ctx context.Context, a *agent.Agent, opts Options) error {
	defer a.Close()
	if err := opts.complete(); err != nil {
		return err
	}
	dir, err := domain.Open(domain.Options{Path: opts.Dir, Program: opts.App, LogBytes: opts.LogBytes, Logger: opts.Logger})
	if err != nil {
		return err
	}
	d := &Agent{
		opts: opts, log: opts.Logger, dir: dir, agent: a,
		apps: map[string]*app{}, metrics: map[string]types.DomainMetric{},
	}
	defer d.work.Wait()
	var cancel context.CancelFunc
	d.ctx, cancel = context.WithCancel(ctx)
	defer cancel()
	d.loop = converge.New(a, "compare requests and processes", d.compare)
	if err := d.open(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // told to end while waiting
		}
		return err
	}
	return a.Run(ctx)
}

// open opens the tables and, when no other domainmgr has them, looks for the
// processes that there are.
func (d *Agent) open(ctx context.Context) error {
	var errStatus, errMetric error
	d.status, errStatus = wanted.Open(ctx, d.agent, topics.DomainStatus, d.log)
	d.metric, errMetric = wanted.Open(ctx, d.agent, topics.DomainMetric, d.log)
	if err := errors.Join(errStatus, errMetric); err != nil {
		return err
	}
	found, err := d.dir.Find()
	if err != nil {
		return err
	}
	for _, p := range found.Processes {
		d.app(p.Key()).keep(p)
	}
	for _, key := range found.Others {
		d.app(key).clean = false
	}
	d.want, err = converge.Follow(ctx, d.loop, topics.DomainConfig)
	if err == nil {
		_, err = d.agent.Every("sample what applications use", d.opts.MetricsInterval, d.sample)
	}
	return err
}

// app returns the application with that key, a new one when it is not known.
func (d *Agent) app(key string) *app {
	a := d.apps[key]
	if a == nil {
		a = &app{d: d, key: key, clean: true}
		d.apps[key] = a
	}
	return a
}

// compare does what the requests ask for, and publishes how it stands. What
// changes the processes is begun when the statuses that tell of it are out: who
// reads them never misses a process that may be there.
func (d *Agent) compare(parent context.Context) {
	for key := range d.want {
		d.app(key)
	}
	for key, a := range d.apps {
		cfg, ok := d.want[key]
		if a.want = nil; ok {
			a.want = &cfg
		}
	}
	if !d.begun {
		d.begun = true
		d.takeOver()
	}
	for _, key := range slices.Sorted(maps.Keys(d.apps)) {
		a := d.apps[key]
		if a.settle(); a.phase == idle {
			delete(d.apps, key)
		}
	}
	d.publish(parent)
	for _, do := range d.due {
		do()
	}
	d.due = nil
	d.began.Tell(parent, d.log, d.status, d.metric)
}

// takeOver goes on from what a former domainmgr published last.
func (d *Agent) takeOver() {
	if err := d.dir.Sweep(slices.Collect(maps.Keys(d.apps))); err != nil {
		d.log.WithError(err).Warn("logs of applications that are gone remain")
	}
	for key, before := range d.status.All() {
		if a := d.apps[key]; a != nil {
			a.takeOver(before)
		}
	}
	for key, m := range d.metric.All() {
		if a := d.apps[key]; a != nil && a.pid() == m.PID {
			d.metrics[key] = m
		}
	}
}

func (d *Agent) publish(parent context.Context) {
	ctx, cancel := context.WithTimeout(parent, publishTimeout)
	defer cancel()
	states := make(map[string]types.DomainStatus, len(d.apps))
	for key, a := range d.apps {
		states[key] = a.status()
	}
	maps.DeleteFunc(d.metrics, func(key string, m types.DomainMetric) bool {
		return d.apps[key] == nil || d.apps[key].pid() != m.PID
	})
	var r wanted.Result
	wanted.Put(ctx, d.status, states, &r)
	wanted.Prune(ctx, d.status, states, &r)
	wanted.Prune(ctx, d.metric, d.metrics, &r)
	d.refused(r)
}

func (d *Agent) refused(r wanted.Result) {
	for _, err := range r.Refused {
		d.log.WithError(err).Error("a status is not published")
	}
}

// later has something begun once the statuses are published.
func (d *Agent) later(do func()) { d.due = append(d.due, do) }

// report calls do in the event loop and compares anew; false: the agent has ended.
func (d *Agent) report(what string, do func()) bool {
	return d.agent.Do(what, func(context.Context) {
		do()
		d.loop.Soon()
	}) == nil
}

// sample looks at what the processes use, and at the size of their logs.
func (d *Agent) sample(context.Context) {
	pids := map[string]int{}
	for key, a := range d.apps {
		if a.proc != nil {
			pids[key] = a.proc.PID()
		}
	}
	if len(pids) == 0 || d.sampling || !d.begun {
		return
	}
	d.sampling = true
	d.work.Go(func() {
		usage, err := d.dir.Sample(pids)
		when := time.Now().UTC().Round(0)
		for key := range pids {
			err = errors.Join(err, d.dir.Trim(key))
		}
		_ = d.agent.Do("publish what applications use", func(ctx context.Context) { // it fails when the agent has ended
			d.sampled(ctx, pids, usage, when, err)
		})
	})
}

func (d *Agent) sampled(parent context.Context, pids map[string]int, usage map[string]domain.Usage, when time.Time, err error) {
	d.sampling = false
	if err != nil {
		d.log.WithError(err).Warn("not all is known of what applications use")
	}
	ctx, cancel := context.WithTimeout(parent, publishTimeout)
	defer cancel()
	for key, u := range usage {
		if a := d.apps[key]; a != nil && a.pid() == pids[key] {
			d.metrics[key] = types.DomainMetric{
				UUID: key, PID: pids[key], Sampled: when,
				CPUNanoseconds: u.CPUNanoseconds, ResidentBytes: u.ResidentBytes,
			}
		}
	}
	var r wanted.Result
	wanted.Put(ctx, d.metric, d.metrics, &r)
	d.refused(r)
}

// StopAll ends every process of every application of a directory, and returns nil
// when none is left: they are asked to end, and killed a second later. A domainmgr
// that runs on the directory starts them again, so end it before.
func StopAll(ctx context.Context, dir string) error {
	quiet := logrus.New()
	quiet.SetLevel(logrus.PanicLevel)
	domains, err := domain.Open(domain.Options{Path: dir, Logger: quiet})
	if err != nil {
		return err
	}
	if err := domains.EndAll(ctx, stopAllGrace); err != nil {
		return fmt.Errorf("end the applications of %s: %w", dir, err)
	}
	return nil
}

const stopAllGrace = time.Second
