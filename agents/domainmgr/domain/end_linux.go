package domain

import (
	"context"
	"time"

	"golang.org/x/sys/unix"
)

const kill, terminate = unix.SIGKILL, unix.SIGTERM

const (
	// A lock's release is no event: it is looked at again after lookFirst, then
	// after longer pauses up to lookMost.
	lookFirst = 2 * time.Millisecond
	lookMost  = 500 * time.Millisecond
	// killAgain is how long a killed process may take before it is killed again.
	killAgain = time.Second
)

// End ends whatever there is of an application; see Process.Halt.
func (d *Dir) End(ctx context.Context, key string, grace time.Duration) error {
	return d.end(ctx, Name(key), nil, grace)
}

func (d *Dir) end(ctx context.Context, name string, p *Process, grace time.Duration) error {
	began := time.Now()
	deadline := began.Add(grace)
	asked := map[int]bool{}
	pause, told := lookFirst, false
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		gone, err := d.forget(name)
		if err != nil {
			d.log.WithError(err).WithField("file", d.lockPath(name)).Warn("a lock can't be looked at")
		}
		if gone && (p == nil || p.handle.ended()) {
			return nil
		}
		list := d.handles(d.members(name, p))
		if len(list) > 0 {
			pause = lookFirst
			d.press(ctx, list, deadline, asked)
		} else if pause = min(2*pause, lookMost); !told && time.Since(began) > d.patience {
			told = true
			d.log.WithField("file", d.lockPath(name)).Warn("a lock is held by a process that can't be found; end it (fuser shows it)")
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// press asks processes to end and waits until they have, or kills them when the
// deadline is over. It closes the handles.
func (d *Dir) press(ctx context.Context, list []*handle, deadline time.Time, asked map[int]bool) {
	firm := !time.Now().Before(deadline)
	for _, h := range list {
		switch {
		case firm:
			d.signal(h, kill)
		case !asked[h.pid]:
			asked[h.pid] = true
			d.signal(h, terminate)
		}
	}
	if firm {
		deadline = time.Now().Add(killAgain)
	}
	for _, h := range list {
		_ = h.wait(ctx, deadline) // the caller looks again
		h.close()
	}
}

func (d *Dir) signal(h *handle, sig unix.Signal) {
	if err := h.signal(sig); err != nil {
		d.log.WithError(err).Warn("a process of an application can't be ended")
	}
}

// sleep returns the cause of ctx when that is done before.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
