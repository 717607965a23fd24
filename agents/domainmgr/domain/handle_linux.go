package domain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// handle is a process that can't be mistaken for a later one of the same number.
// It belongs to one goroutine.
type handle struct {
	pid  int
	file *os.File // a pidfd (pidfd_open(2))
	conn syscall.RawConn
}

// openHandle returns a handle of a process that was seen before; an error when it
// is gone.
func openHandle(seen stat) (*handle, error) {
	h, err := newHandle(seen.pid)
	if err != nil {
		return nil, err
	}
	now, err := readStat(seen.pid)
	if err == nil && now.start != seen.start {
		err = fmt.Errorf("process %d: %w", seen.pid, os.ErrProcessDone)
	}
	if err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

// newHandle returns a handle of whatever has that number.
func newHandle(pid int) (*handle, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, fmt.Errorf("watch process %d: %w", pid, err)
	}
	// Non-blocking, it joins the runtime's poller: no thread waits for it.
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("watch process %d: %w", pid, err)
	}
	h := &handle{pid: pid, file: os.NewFile(uintptr(fd), fmt.Sprintf("process %d", pid))}
	if h.conn, err = h.file.SyscallConn(); err == nil {
		err = h.file.SetReadDeadline(time.Time{}) // fails when the poller does not take it
	}
	if err != nil {
		h.file.Close()
		return nil, fmt.Errorf("watch process %d: %w", pid, err)
	}
	return h, nil
}

// wait returns nil when the process has ended; os.ErrDeadlineExceeded at the time
// until, if that is set; the cause of ctx when that is done.
func (h *handle) wait(ctx context.Context, until time.Time) error {
	for !h.ended() {
		if err := h.file.SetReadDeadline(until); err != nil {
			return err
		}
		stop := context.AfterFunc(ctx, func() { _ = h.file.SetReadDeadline(time.Unix(1, 0)) }) // it may be closed
		err := h.conn.Read(ended)
		stop()
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !until.IsZero() && !time.Now().Before(until):
			return err
		} // else it was the deadline of an earlier call's ctx
	}
	return nil
}

// ended reports whether the process has ended, reaped or not.
func (h *handle) ended() bool {
	var yes bool
	err := h.conn.Control(func(fd uintptr) { yes = ended(fd) })
	return err == nil && yes
}

func ended(fd uintptr) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, 0)
		if !errors.Is(err, unix.EINTR) {
			return err == nil && n > 0
		}
	}
}

// signal sends a signal. That the process has ended already is no error.
func (h *handle) signal(sig unix.Signal) error {
	var err error
	failed := h.conn.Control(func(fd uintptr) { err = unix.PidfdSendSignal(int(fd), sig, nil, 0) })
	if err = errors.Join(failed, err); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("send signal %d to process %d: %w", sig, h.pid, err)
	}
	return nil
}

func (h *handle) close() { h.file.Close() }
