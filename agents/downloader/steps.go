package downloader

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/evenkv/nkv/agents/types"
)

const (
	// progressEvery is the time between two looks at the transfers. With the
	// changes of state it leaves a status below ten changes a second.
	progressEvery = 150 * time.Millisecond
	// progressGap is the least time between a status and the next one that only
	// has other numbers.
	progressGap = 100 * time.Millisecond
)

// advance does for every download what can be done now, in the order of the
// queue, and publishes what changed.
func (g *Agent) advance() {
	queue := slices.SortedFunc(maps.Values(g.downloads), func(a, b *download) int { return cmp.Compare(a.order, b.order) })
	for _, d := range queue {
		g.step(d)
	}
	fresh := false
	for _, d := range queue {
		g.publish(d)
		fresh = fresh || d.fresh
	}
	if !fresh && !g.ready {
		g.ready = true
		g.publisher.tell()
	}
	g.setAlarm()
	if g.fetching > 0 && !g.ticking {
		g.ticking = true
		g.agent.After("look at the transfers", progressEvery, g.tick)
	}
}

// step begins what is to be done next for a download, unless something is being
// done.
func (g *Agent) step(d *download) {
	if d.job != nil {
		return
	}
	if d.gone {
		g.remove(d)
		return
	}
	if d.stage == waiting && !time.Now().Before(d.due) {
		d.stage, d.order = unprepared, g.nextOrder()
	}
	switch d.stage {
	case unprepared, blocked:
		g.stepUnprepared(d)
	case queued:
		d.status.State = types.DownloadQueued
		if g.fetching < g.opts.Parallel {
			d.status.State = types.DownloadRunning
			g.fetch(d)
		}
	}
}

// stepUnprepared looks at a download's target, unless another download has it:
// then it at least gives up the targets that it had before.
func (g *Agent) stepUnprepared(d *download) {
	target := claimed(d.plan.request.Target)
	other := g.claims[target]
	switch {
	case other != "" && other != d.key:
		if len(g.claim(d)) > 0 {
			g.remove(d)
			return
		}
		g.block(d, other)
	case g.preparing < g.opts.Parallel:
		if usable(target) == nil {
			g.claims[target] = d.key
		}
		g.prepare(d)
	}
}

// start runs a job: do, in a goroutine of its own, and then end, in the event
// loop. Abandoned says that the outcome does not count any more.
func (g *Agent) start(d *download, name string, p *progress, do func(ctx context.Context) (end func(abandoned bool))) {
	ctx, cancel := context.WithCancel(g.ctx)
	j := &job{cancel: cancel, progress: p}
	d.job = j
	g.work.Go(func() {
		defer cancel()
		end := do(ctx)
		// It fails when the agent ends: nothing is to be done then.
		_ = g.agent.Do(name, func(context.Context) {
			d.job = nil
			end(j.abandoned)
			g.advance()
		})
	})
}

// remove removes files that are not wanted any more; when the request is gone,
// its status too.
func (g *Agent) remove(d *download) {
	unwanted := g.claim(d)
	g.start(d, "remove files", nil, func(context.Context) func(bool) {
		err := unwanted.remove()
		return func(bool) {
			if err != nil {
				g.log.WithError(err).WithField("key", d.key).Warn("files that are not wanted any more remain")
			}
			g.release(d, unwanted)
			if !d.gone {
				return // it is wanted, perhaps again
			}
			g.unclaim(d)
			delete(g.downloads, d.key)
			g.publisher.set(d.key, nil)
		}
	})
}

// prepare finds out whether there is anything to fetch.
func (g *Agent) prepare(d *download) {
	g.preparing++
	request, unwanted := d.plan.request, g.claim(d)
	g.start(d, "look at a target", nil, func(ctx context.Context) func(bool) {
		found, err := prepare(ctx, request, unwanted)
		return func(abandoned bool) {
			g.preparing--
			if abandoned {
				return
			}
			d.fresh, d.held = false, false
			if err != nil {
				g.failed(d, err)
				return
			}
			g.release(d, unwanted)
			if found == nil {
				d.queue()
				return
			}
			d.finish(found)
		}
	})
}

// fetch makes a try.
func (g *Agent) fetch(d *download) {
	g.fetching++
	f := &fetcher{plan: d.plan, stall: g.opts.StallTimeout, progress: &progress{}}
	if i := slices.IndexFunc(d.plan.sources, func(s source) bool { return s.url != "" }); i >= 0 {
		d.status.URL = d.plan.sources[i].url // it is tried first
	}
	f.progress.set(numbers{d.status.URL, d.status.TotalBytes, d.status.CurrentBytes, d.status.ResumedBytes})
	g.start(d, "take a transfer's outcome", f.progress, func(ctx context.Context) func(bool) {
		found, err := f.fetch(ctx)
		return func(abandoned bool) {
			g.fetching--
			if abandoned {
				return
			}
			d.take(f.progress.get())
			if err != nil {
				g.failed(d, err)
				return
			}
			d.finish(found)
			g.log.WithField("key", d.key).WithField("size", found.size).Info("downloaded")
		}
	})
}

// failed notes why a try failed and when the next one is.
func (g *Agent) failed(d *download, err error) {
	problem := types.Problem{What: bounded(err.Error()), Where: where(d.key, d.plan.request)}
	var try *tryError
	if errors.As(err, &try) {
		if try.url != "" {
			problem.Where += ", " + try.url
		}
		if try.forward {
			d.pauses = 0
		}
	}
	p := pause(g.opts.RetryFirst, g.most, d.pauses)
	d.fail(problem, p)
	g.log.WithField("key", d.key).Warnf("a download failed, %d times in a row; again in %s: %s", d.status.Failures, p, problem)
}

// maxProblem is how long the text of a problem may be, in bytes: it may quote a
// server.
const maxProblem = 2 << 10

func bounded(text string) string {
	if len(text) <= maxProblem {
		return text
	}
	return strings.ToValidUTF8(text[:maxProblem], "") + " ..."
}

// block says that another request has the same target.
func (g *Agent) block(d *download, other string) {
	if d.stage == blocked {
		return
	}
	d.stage, d.fresh, d.held = blocked, false, false
	problem := types.Problem{
		What:  "its Target " + d.plan.request.Target + " is that of content tree " + other + " too; each needs its own",
		Where: where(d.key, d.plan.request),
		When:  inUTC(time.Now()),
	}
	d.status.State, d.status.RetryAt, d.status.SHA256 = types.DownloadFailed, time.Time{}, ""
	d.status.Problem = problem.Since(d.status.Problem)
}

// claim returns the files that are to go, but for those of other downloads, and
// keeps others from using them.
func (g *Agent) claim(d *download) litter {
	unwanted := litter{}
	for target, whole := range d.unwanted {
		if other := g.claims[target]; other == "" || other == d.key {
			g.claims[target] = d.key
			unwanted[target] = whole
		}
	}
	return unwanted
}

// release forgets files that went; targets that are not the download's own are
// free for others.
func (g *Agent) release(d *download, went litter) {
	for target := range went {
		delete(d.unwanted, target)
		if target != claimed(d.plan.request.Target) {
			delete(g.claims, target)
		}
	}
}

func (g *Agent) unclaim(d *download) {
	maps.DeleteFunc(g.claims, func(_, key string) bool { return key == d.key })
}

// publish hands a status over when it changed.
func (g *Agent) publish(d *download) {
	if d.held || d.gone || (d.told != nil && reflect.DeepEqual(*d.told, d.status)) {
		return
	}
	told := d.status
	d.told, d.toldAt = &told, time.Now()
	g.publisher.set(d.key, &told)
}

// tick looks how far the transfers have come.
func (g *Agent) tick(context.Context) {
	g.ticking = false
	for _, d := range g.downloads {
		if d.job != nil && d.job.progress != nil && !d.job.abandoned && time.Since(d.toldAt) >= progressGap {
			d.take(d.job.progress.get())
		}
	}
	g.advance()
}

// setAlarm sets the timer for the download that is due next.
func (g *Agent) setAlarm() {
	g.alarm()
	var next time.Time
	for _, d := range g.downloads {
		if d.stage == waiting && d.job == nil && !d.gone && (next.IsZero() || d.due.Before(next)) {
			next = d.due
		}
	}
	g.alarm = func() {}
	if !next.IsZero() {
		g.alarm = g.agent.After("try downloads again", time.Until(next), func(context.Context) { g.advance() })
	}
}
