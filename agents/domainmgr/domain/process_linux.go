package domain

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/evenkv/nkv/agents/types"
)

// Process is the process of an application: the one that was started for it, not
// those that it started itself. It belongs to one goroutine, but for the methods
// that only tell what it is.
type Process struct {
	dir    *Dir
	key    string
	name   string
	pid    int
	record record
	known  bool // the record could be read
	found  bool // it was there already
	child  bool // of this process; its number is its own until it is reaped
	handle *handle
}

// Key is the application's key.
func (p *Process) Key() string { return p.key }

// PID is its number.
func (p *Process) PID() int { return p.pid }

// Found says that it was there already, so that nothing was started.
func (p *Process) Found() bool { return p.found }

// StartedAt is when it was started, in UTC; the same whoever asks.
func (p *Process) StartedAt() time.Time { return p.record.StartedAt }

// Config is the request that it was started with; false: its record was damaged,
// nobody knows.
func (p *Process) Config() (types.DomainConfig, bool) { return p.record.Config, p.known }

// attach returns the process that was seen.
func (d *Dir) attach(name string, seen stat) (*Process, error) {
	h, err := openHandle(seen)
	if err != nil {
		return nil, err
	}
	p := &Process{
		dir: d, key: d.key(name), name: name, pid: seen.pid,
		found: true, child: seen.parent == os.Getpid(), handle: h,
	}
	// The record is that of the process if the process lives after it was read.
	p.record, _, err = readRecord(d.lockPath(name))
	p.known = err == nil
	if err != nil {
		d.log.WithError(err).WithField("key", p.key).Warn("what an application was started with is not known")
	}
	if h.ended() {
		h.close()
		return nil, os.ErrProcessDone
	}
	return p, nil
}

// Wait returns how the process ended, when it has. What it started itself is
// killed then. When ctx is done it returns the cause, and can be called again.
func (p *Process) Wait(ctx context.Context) (Exit, error) {
	if err := p.handle.wait(ctx, time.Time{}); err != nil {
		return Exit{}, err
	}
	p.dir.killAll(p.dir.members(p.name, p))
	return p.reap(), nil
}

// Halt ends the process and all that it started: they are asked to by SIGTERM,
// and killed when some are left after the grace. It returns nil when none is
// left, or the cause of ctx when that is done.
func (p *Process) Halt(ctx context.Context, grace time.Duration) error {
	err := p.dir.end(ctx, p.name, p, grace)
	if p.handle.ended() {
		p.reap()
	}
	return err
}

// Close stops to watch the process, which lives on.
func (p *Process) Close() { p.handle.close() }

// reap takes note of the end of a child, which is a zombie until then.
func (p *Process) reap() Exit {
	if !p.child {
		return Exit{}
	}
	p.child = false
	var status unix.WaitStatus
	for {
		pid, err := unix.Wait4(p.pid, &status, unix.WNOHANG, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil || pid != p.pid:
			return Exit{}
		case status.Signaled():
			return Exit{Known: true, Signal: int(status.Signal())}
		}
		return Exit{Known: true, Code: status.ExitStatus()}
	}
}
