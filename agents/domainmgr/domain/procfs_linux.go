package domain

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// clockTick is the unit of times in /proc/PID/stat: USER_HZ is 100 on all
// architectures that Go runs on.
const clockTick = 10_000_000 // nanoseconds

// stat is what is used of /proc/PID/stat (proc_pid_stat(5)).
type stat struct {
	pid, parent, group, session int
	state                       byte
	ticks                       uint64 // processor time, that of its ended children included
	start                       uint64 // ticks since the boot
}

// dead reports whether the process has ended and only waits for its parent.
func (s stat) dead() bool { return s.state == 'Z' || s.state == 'X' }

// leads reports whether the process began a session of its own, as one does that
// was started for an application.
func (s stat) leads() bool { return s.pid == s.session && s.pid == s.group }

func readStat(pid int) (stat, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	// The name in parentheses may hold anything; the fields after it are counted
	// from 3, as the manual does.
	end := bytes.LastIndexByte(data, ')')
	fields := strings.Fields(string(data[end+1:]))
	if end < 0 || len(fields) < 20 {
		return stat{}, fmt.Errorf("/proc/%d/stat has another form than expected", pid)
	}
	field := func(n int) uint64 {
		v, _ := strconv.ParseInt(fields[n-3], 10, 64) // a number: the kernel wrote it
		return uint64(v)
	}
	return stat{
		pid: pid, state: fields[0][0],
		parent: int(field(4)), group: int(field(5)), session: int(field(6)),
		ticks: field(14) + field(15) + field(16) + field(17), start: field(22),
	}, nil
}

// processes calls do for each process that there is, this one left out.
func processes(do func(pid int)) error {
	proc, err := os.Open("/proc")
	if err != nil {
		return fmt.Errorf("list the processes: %w", err)
	}
	defer proc.Close()
	names, err := proc.Readdirnames(-1)
	if err != nil {
		return fmt.Errorf("list the processes: %w", err)
	}
	own := os.Getpid()
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil && pid != own {
			do(pid)
		}
	}
	return nil
}

// mark returns the name of the directory's application that a process carries in
// its environment; empty: none, or it has ended.
func (d *Dir) mark(pid int) (name string) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return "" // it is gone, or another user's
	}
	ours := false
	for v := range bytes.SplitSeq(data, []byte{0}) {
		switch key, value, _ := strings.Cut(string(v), "="); key {
		case EnvID:
			name = value
		case EnvDir:
			ours = value == d.path
		}
	}
	if !ours {
		return ""
	}
	return name
}

// marked returns the processes of each application of the directory.
func (d *Dir) marked() (map[string][]stat, error) {
	found := map[string][]stat{}
	err := processes(func(pid int) {
		before, err := readStat(pid)
		if err != nil || before.dead() {
			return
		}
		if name := d.mark(pid); name != "" {
			found[name] = append(found[name], before)
		}
	})
	return found, err
}

// holders returns the processes that inherited an application's lock. Who is
// about to start a process, or only passes by on the way to another program, has
// the descriptor too, but closes it on exec.
func (d *Dir) holders(name string) ([]stat, error) {
	var found []stat
	path := d.lockPath(name)
	err := processes(func(pid int) {
		if s, err := readStat(pid); err == nil && holds(pid, path) {
			found = append(found, s)
		}
	})
	return found, err
}

func holds(pid int, path string) bool {
	dir := fmt.Sprintf("/proc/%d/", pid)
	fds, err := os.Open(dir + "fd")
	if err != nil {
		return false // it is gone, or another user's
	}
	defer fds.Close()
	names, err := fds.Readdirnames(-1)
	if err != nil {
		return false
	}
	for _, fd := range names {
		if target, err := os.Readlink(dir + "fd/" + fd); err != nil || target != path {
			continue
		}
		info, err := os.ReadFile(dir + "fdinfo/" + fd)
		if err == nil && inheritedLock(string(info)) {
			return true
		}
	}
	return false
}

// inheritedLock reads the lines of a /proc/PID/fdinfo (proc_pid_fdinfo(5)).
func inheritedLock(info string) bool {
	var kept, locked bool
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(line, ":")
		switch name {
		case "flags":
			flags, err := strconv.ParseUint(strings.TrimSpace(value), 8, 64)
			kept = err == nil && flags&unix.O_CLOEXEC == 0
		case "lock":
			locked = locked || strings.Contains(value, "FLOCK")
		}
	}
	return kept && locked
}

// resident returns the memory of a process that is in use (proc_pid_statm(5)), in
// bytes; 0 when it is gone.
func resident(pid int) uint64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseUint(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}

// supported says what this kernel lacks.
func supported() error {
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return fmt.Errorf("%w: a process can't be watched (pidfd_open, which Linux 5.3 and newer have): %w", ErrUnsupported, err)
	}
	err = errors.Join(unix.PidfdSendSignal(fd, 0, nil, 0), unix.Close(fd))
	if err != nil {
		return fmt.Errorf("%w: a process can't be signalled (pidfd_send_signal): %w", ErrUnsupported, err)
	}
	if _, err := readStat(os.Getpid()); err != nil {
		return fmt.Errorf("%w: /proc can't be read: %w", ErrUnsupported, err)
	}
	return nil
}
