package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/evenkv/nkv/agents/domainmgr/domain"
)

// lookEvery is how often the processes are looked at; there is no event for the
// start of another's process.
const lookEvery = 20 * time.Millisecond

// appWatch looks at the system's processes all the time, and notes when there
// are two of one application. It trusts nobody but the system: a process is an
// application's by its environment.
type appWatch struct {
	dir  string
	stop chan struct{}
	done sync.WaitGroup

	mu   sync.Mutex               // guards the fields below
	twin error                    // the first time that there were two
	seen map[appProcess]time.Time // all processes, and when each was last
}

// appProcess is one process of an application.
type appProcess struct {
	app   string
	pid   int
	start string // when it was started, in the system's ticks: numbers are given again
}

func watchApps(dir string) *appWatch {
	w := &appWatch{dir: dir, stop: make(chan struct{}), seen: map[appProcess]time.Time{}}
	w.done.Go(w.watch)
	return w
}

func (w *appWatch) watch() {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		w.look()
		select {
		case <-tick.C:
		case <-w.stop:
			return
		}
	}
}

func (w *appWatch) close() {
	close(w.stop)
	w.done.Wait()
}

func (w *appWatch) look() {
	byApp := map[string]appProcess{}
	for _, p := range w.processes() {
		w.mu.Lock()
		w.seen[p] = time.Now()
		other, twin := byApp[p.app]
		// The other was seen before this one: when it lives still, both do.
		if twin && w.lives(other) && w.twin == nil {
			w.twin = fmt.Errorf("two processes of application %s at once: %d and %d", p.app, other.pid, p.pid)
		}
		w.mu.Unlock()
		byApp[p.app] = p
	}
}

// processes are those of applications, as they were while it looked.
func (w *appWatch) processes() []appProcess {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var found []appProcess
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if p, ok := w.process(pid); ok {
			found = append(found, p)
		}
	}
	return found
}

// process returns a process when it is one of an application; one that has ended
// and was not waited for has no environment.
func (w *appWatch) process(pid int) (appProcess, bool) {
	environ, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
	if err != nil {
		return appProcess{}, false
	}
	p := appProcess{pid: pid}
	ours := false
	for variable := range bytes.SplitSeq(environ, []byte{0}) {
		name, value, _ := bytes.Cut(variable, []byte("="))
		switch string(name) {
		case domain.EnvID:
			p.app = string(value)
		case domain.EnvDir:
			ours = string(value) == w.dir
		}
	}
	if !ours || p.app == "" {
		return appProcess{}, false
	}
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return appProcess{}, false
	}
	// proc_pid_stat(5): after the name in parentheses come fields 3 to 52; 22 is
	// the start.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 || string(fields[0]) == "Z" {
		return appProcess{}, false
	}
	p.start = string(fields[19])
	return p, true
}

func (w *appWatch) lives(p appProcess) bool {
	now, ok := w.process(p.pid)
	return ok && now == p
}

// running returns the applications that have a process, with its number.
func (w *appWatch) running() map[string]int {
	found := map[string]int{}
	for _, p := range w.processes() {
		found[p.app] = p.pid
	}
	return found
}

// lately is how long after a process's end a status may still say that it runs.
const lately = 15 * time.Second

// told compares what a status says of a process with the system: it must be
// there, or have been lately. One that ended within moments of its start may not
// have been seen.
func (w *appWatch) told(app string, pid int, started time.Time) error {
	if pid == 0 {
		return errors.New("it runs without a process")
	}
	if p, ok := w.process(pid); ok && p.app == app {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var last time.Time
	for p, when := range w.seen {
		if p.app == app && p.pid == pid && when.After(last) {
			last = when
		}
	}
	if last.IsZero() {
		last = started
	}
	if gone := time.Since(last); gone > lately {
		return fmt.Errorf("it runs as process %d, which ended %s ago", pid, gone.Round(time.Millisecond))
	}
	return nil
}

// verdict returns how many processes there were in all, and whether there ever
// were two of one application.
func (w *appWatch) verdict() (seen int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.seen), w.twin
}

// kill ends every application with SIGKILL, as a loss of power does, and returns
// when they are gone.
func (w *appWatch) kill() error {
	var errs []error
	for app, pid := range w.running() {
		process, err := os.FindProcess(pid)
		if err == nil {
			err = process.Kill()
		}
		if err != nil && !errors.Is(err, os.ErrProcessDone) {
			errs = append(errs, fmt.Errorf("kill application %s: %w", app, err))
		}
	}
	deadline := time.Now().Add(stopWithin)
	for len(w.running()) > 0 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond) // they are nobody's children any more: there is no event
	}
	if left := w.running(); len(left) > 0 {
		errs = append(errs, fmt.Errorf("applications live on after SIGKILL: %v", left))
	}
	return errors.Join(errs...)
}
