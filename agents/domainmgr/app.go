package domainmgr

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/evenkv/nkv/agents/domainmgr/domain"
	"github.com/evenkv/nkv/agents/types"
)

// phase is what an application does now. At most one goroutine works for it.
type phase int

const (
	idle     phase = iota // no process is known, no goroutine works for it
	waiting               // likewise, until it is started again
	starting              // a goroutine starts its process
	running               // a goroutine waits for the end of its process
	halting               // a goroutine ends its processes
)

// app is an application that is wanted, or that has or may have a process. It
// belongs to the event loop.
type app struct {
	d     *Agent
	key   string
	want  *types.DomainConfig // nil: it shall not run, or nobody knows yet
	phase phase
	clean bool               // no process and no log of it is left
	tried types.DomainConfig // the request of the last start
	proc  *domain.Process    // nil: none is known
	name  string             // for people, from a former request

	cancel context.CancelFunc // tells the goroutine to give up what it does
	timer  func()             // stops the timer of the phase

	starts, failures uint32
	restartAt        time.Time
	unstartable      bool // it could not be started at all
	problem          types.Problem
}

// pid returns the number of its process; 0: none is known.
func (a *app) pid() int {
	if a.proc == nil {
		return 0
	}
	return a.proc.PID()
}

// settle begins what brings the application nearer to what is wanted. When it
// leaves it idle, there is nothing to do and nothing left.
func (a *app) settle() {
	if a.phase == waiting && (a.want == nil || !same(*a.want, a.tried)) {
		a.stopTimer()
		a.forgive()
		a.phase = idle
	}
	switch a.phase {
	case idle:
		if a.want != nil {
			a.start()
		} else if !a.clean {
			a.clear()
		}
	case starting:
		if a.want == nil {
			a.cancel()
		}
	case running:
		if cfg, known := a.proc.Config(); a.want == nil || !known || !same(*a.want, cfg) {
			a.halt()
		}
	}
}

// forgive forgets the failures.
func (a *app) forgive() {
	a.failures, a.problem, a.restartAt, a.unstartable = 0, types.Problem{}, time.Time{}, false
}

// start has a process started, or found.
func (a *app) start() {
	a.phase, a.clean, a.tried = starting, false, *a.want
	ctx, cancel := context.WithCancel(a.d.ctx)
	a.cancel = cancel
	cfg := a.tried
	a.d.later(func() {
		a.d.work.Go(func() {
			p, err := a.d.dir.Start(ctx, a.key, cfg)
			cancel()
			if !a.d.report("an application was started", func() { a.started(p, err) }) && p != nil {
				p.Close()
			}
		})
	})
}

func (a *app) started(p *domain.Process, err error) {
	log := a.d.log.WithField("key", a.key)
	switch {
	case err == nil:
		log.WithField("pid", p.PID()).WithField("found", p.Found()).Info("an application runs")
		a.keep(p)
	case errors.Is(err, context.Canceled): // not wanted any more
		a.phase = idle
	default:
		log.WithError(err).Warn("an application can't be started")
		a.unstartable = true
		a.fail(err.Error())
	}
}

// keep watches the process until it ends, or is ended because of a.cancel.
func (a *app) keep(p *domain.Process) {
	a.phase, a.proc, a.clean, a.unstartable, a.restartAt = running, p, false, false, time.Time{}
	a.starts++
	a.awaitStable()
	ctx, cancel := context.WithCancel(a.d.ctx)
	a.cancel = cancel
	a.d.work.Go(func() {
		defer p.Close()
		defer cancel()
		exit, err := p.Wait(ctx)
		switch {
		case a.d.ctx.Err() != nil:
			return // the agent ends, the process lives on
		case err != nil && ctx.Err() != nil:
			err = p.Halt(a.d.ctx, a.d.opts.StopGrace)
		}
		a.d.report("an application ended", func() { a.ended(exit, err) })
	})
}

// awaitStable has the failures forgotten when the process has lived long enough.
func (a *app) awaitStable() {
	if a.failures == 0 && a.problem == (types.Problem{}) {
		return
	}
	left := a.d.opts.StableAfter - max(time.Since(a.proc.StartedAt()), 0) // the clock may have been set back
	a.timer = a.d.agent.After("an application is stable", left, func(context.Context) {
		a.forgive()
		a.d.loop.Soon()
	})
}

func (a *app) stopTimer() {
	if a.timer != nil {
		a.timer()
		a.timer = nil
	}
}

// ended is told that the process has ended.
func (a *app) ended(exit domain.Exit, err error) {
	log := a.d.log.WithField("key", a.key).WithField("pid", a.proc.PID())
	a.stopTimer()
	lived := time.Since(a.proc.StartedAt())
	cfg, _ := a.proc.Config()
	a.tried, a.name, a.proc = cfg, cfg.DisplayName, nil
	switch {
	case a.phase == halting:
		log.Info("an application was ended")
		a.phase = idle
	case err != nil:
		log.WithError(err).Error("an application can't be watched")
		a.fail("its process can't be watched: " + err.Error())
	default:
		log.WithField("after", lived.Round(time.Millisecond)).Warnf("an application %s", exit)
		if lived >= a.d.opts.StableAfter {
			a.forgive()
		}
		a.fail(exit.String())
	}
}

// fail notes a failure and has the application started again after a pause.
func (a *app) fail(what string) {
	a.failures++
	now := time.Now().UTC().Round(0)
	problem := types.Problem{What: what, Where: a.where(), When: now}
	if a.unstartable {
		problem = problem.Since(a.problem)
	}
	a.problem = problem
	a.wait(now.Add(a.d.opts.pause(a.failures)))
}

// wait starts the application at a time.
func (a *app) wait(until time.Time) {
	a.phase, a.clean, a.restartAt = waiting, false, until
	a.timer = a.d.agent.After("start an application again", time.Until(until), func(context.Context) {
		a.phase = idle
		a.d.loop.Soon()
	})
}

// halt has the process and all that it started ended.
func (a *app) halt() {
	a.stopTimer()
	a.forgive()
	a.phase = halting
	a.d.later(a.cancel)
}

// clear ends what may be left of an application that is not wanted and whose
// process is not known, and removes its log.
func (a *app) clear() {
	a.phase = halting
	a.d.later(func() {
		a.d.work.Go(func() {
			if a.d.dir.End(a.d.ctx, a.key, a.d.opts.StopGrace) != nil {
				return // the agent ends
			}
			if err := a.d.dir.RemoveLog(a.key); err != nil {
				a.d.log.WithError(err).WithField("key", a.key).Warn("the log of an application that is gone remains")
			}
			a.d.report("what was left of an application ended", func() { a.phase, a.clean = idle, true })
		})
	})
}

// takeOver goes on from the status that a former domainmgr published.
func (a *app) takeOver(before types.DomainStatus) {
	a.name = before.DisplayName
	switch {
	case a.phase == running && before.State == types.StateHalting && before.PID == a.pid():
		a.halt()
	case a.phase == running:
		a.failures, a.problem = before.Failures, before.Problem
		a.awaitStable()
	case a.phase != idle || a.want == nil:
		// Its process ended just now, or nothing is wanted.
	case !a.clean:
		a.failures, a.problem = before.Failures, before.Problem // it is still to be found
	case before.State == types.StateRestarting || before.State == types.StateError:
		a.failures, a.problem, a.tried = before.Failures, before.Problem, *a.want
		a.unstartable = before.State == types.StateError
		latest := time.Now().UTC().Round(0).Add(a.d.opts.RestartMost)
		if before.RestartAt.Before(latest) {
			latest = before.RestartAt
		}
		a.wait(latest)
	case before.State == types.StateRunning:
		a.failures, a.tried = before.Failures, *a.want
		a.fail("ended while domainmgr was away; how is not known")
	default:
		a.failures, a.problem = before.Failures, before.Problem // it is started now
	}
}

// same reports whether two requests are the same to a process.
func same(a, b types.DomainConfig) bool {
	return a.VCPUs == b.VCPUs && a.MemoryKiB == b.MemoryKiB && a.RestartCounter == b.RestartCounter &&
		slices.Equal(a.Volumes, b.Volumes) && slices.Equal(a.Networks, b.Networks)
}
