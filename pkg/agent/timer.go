package agent

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// Every calls do in the event loop, again and again, d after the call before was
// due, until the agent ends or stop is called. A call that is late is not made
// up for. The name is for the log, when it is slow.
func (a *Agent) Every(name string, d time.Duration, do func(ctx context.Context)) (stop func(), err error) {
	if d <= 0 {
		return nil, fmt.Errorf("%w: Every(%q, %s): the time must be positive", ErrInvalidOption, name, d)
	}
	ticker := time.NewTicker(d)
	ctx, cancel := context.WithCancel(a.ctx)
	err = forward(a, ctx, ticker.C, name, func(loop context.Context, _ time.Time) {
		if ctx.Err() == nil { // it may have been stopped while it waited for the loop
			do(loop)
		}
	})
	if err != nil {
		ticker.Stop()
		cancel()
		return nil, err
	}
	return func() {
		ticker.Stop()
		cancel()
	}, nil
}

// After calls do in the event loop once, after d, unless the agent ended or stop
// was called before.
func (a *Agent) After(name string, d time.Duration, do func(ctx context.Context)) (stop func()) {
	var stopped atomic.Bool
	timer := time.AfterFunc(d, func() {
		a.post(task{name, func(ctx context.Context) {
			if !stopped.Load() { // it may have been while it waited for the loop
				do(ctx)
			}
		}})
	})
	return func() {
		stopped.Store(true)
		timer.Stop()
	}
}

// Do calls do in the event loop, once; ErrClosed when the agent was closed.
func (a *Agent) Do(name string, do func(ctx context.Context)) error {
	if !a.post(task{name, do}) {
		return fmt.Errorf("%w: %s", ErrClosed, a.name)
	}
	return nil
}

// On calls do in the event loop for everything that the channel brings, until it
// is closed or the agent ends. The next one is taken when the call has returned.
// The name is for the log, when it is slow.
func On[E any](a *Agent, name string, from <-chan E, do func(ctx context.Context, e E)) error {
	return forward(a, a.ctx, from, name, do)
}

func forward[E any](a *Agent, ctx context.Context, from <-chan E, name string, do func(ctx context.Context, e E)) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return fmt.Errorf("%w: %s", ErrClosed, a.name)
	}
	a.work.Go(func() {
		done := make(chan struct{}, 1)
		for {
			select {
			case e, ok := <-from:
				if !ok || !a.post(task{name, func(ctx context.Context) { do(ctx, e); done <- struct{}{} }}) {
					return
				}
			case <-ctx.Done():
				return
			}
			select {
			case <-done:
			case <-ctx.Done():
				return
			}
		}
	})
	return nil
}
