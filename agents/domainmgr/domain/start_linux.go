package domain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/evenkv/nkv/agents/types"
)

// Start returns the process of an application: the one that lives, which
// Process.Found tells, or a new one that is started with this request. What an
// application left behind is killed before.
//
// Errors: ErrProgram; ErrBusy when the lock is held and nobody is found; the
// cause of ctx when that is done before a process was found or started.
func (d *Dir) Start(ctx context.Context, key string, cfg types.DomainConfig) (*Process, error) {
	name := Name(key)
	began := time.Now()
	for pause := lookFirst; ; pause = min(2*pause, lookMost) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		p, err := d.begin(key, name, cfg)
		if err == nil || !errors.Is(err, errHeld) {
			return p, err
		}
		// It lives, or is about to: then it will be found soon.
		members := d.members(name, nil)
		if p := d.leader(name, members); p != nil {
			return p, nil
		}
		d.killAll(members)
		if time.Since(began) > d.patience {
			return nil, fmt.Errorf("%w: %s is locked by a process that can't be found; end it (fuser shows it)", ErrBusy, d.lockPath(name))
		}
		if err := sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
}

// begin starts a process when the application has none; errHeld when it has.
func (d *Dir) begin(key, name string, cfg types.DomainConfig) (*Process, error) {
	lock, err := d.lock(name, true)
	if err != nil {
		return nil, err
	}
	defer lock.Close() // the process has inherited it
	d.fault("locked")
	found, err := d.marked()
	switch {
	case err != nil:
		return nil, err
	case len(found[name]) > 0: // it closed the lock's descriptor
		return nil, errHeld
	}
	r := record{Key: key, StartedAt: time.Now().UTC().Round(0), Config: cfg}
	if err := r.write(lock); err != nil {
		return nil, err
	}
	d.fault("recorded")
	pid, err := d.fork(name, cfg, lock)
	if err != nil {
		return nil, err
	}
	d.fault("forked")
	if err := writePID(lock, pid); err != nil {
		d.log.WithError(err).WithField("key", key).Warn("the number of an application's process is not noted")
	}
	h, err := newHandle(pid)
	if err != nil { // a process that can't be watched must not stay
		err = errors.Join(err, unix.Kill(pid, kill))
		_, waiting := unix.Wait4(pid, nil, 0, nil)
		return nil, errors.Join(err, waiting)
	}
	return &Process{dir: d, key: key, name: name, pid: pid, record: r, known: true, child: true, handle: h}, nil
}

// fork starts the program in a session of its own, with its output in its log.
func (d *Dir) fork(name string, cfg types.DomainConfig, lock *os.File) (pid int, err error) {
	env, err := environment(d.path, name, cfg)
	if err != nil {
		return 0, err
	}
	if err := trim(d.logPath(name), d.logMost); err != nil && !errors.Is(err, os.ErrNotExist) {
		d.log.WithError(err).Warn("the log of an application can't be cut")
	}
	log, err := os.OpenFile(d.logPath(name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return 0, fmt.Errorf("open the application's log: %w", err)
	}
	defer log.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	pid, err = syscall.ForkExec(d.program, []string{d.program}, &syscall.ProcAttr{
		Dir: "/", Env: env,
		Files: []uintptr{null.Fd(), log.Fd(), log.Fd(), lockFD: lock.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return 0, d.explain(err)
	}
	return pid, nil
}

// explain says what to do when the program can't be started.
func (d *Dir) explain(err error) error {
	what := "start it by hand to see more"
	info, missing := os.Stat(d.program)
	switch {
	case d.program == "":
		what = "none is configured"
	case errors.Is(missing, os.ErrNotExist):
		what = "install it there, or configure another"
	case missing == nil && info.IsDir():
		what = "it is a directory; configure a program"
	case missing == nil && info.Mode()&0o111 == 0:
		what = "make it executable (chmod +x)"
	case errors.Is(err, unix.ENOENT):
		what = "what interprets it is missing"
	case errors.Is(err, unix.ENOEXEC):
		what = "it is no program for this machine"
	case errors.Is(err, unix.E2BIG):
		what = "the request is too large for an environment; use fewer volumes and networks"
	}
	return fmt.Errorf("%w: %s: %w; %s", ErrProgram, d.program, err, what)
}
