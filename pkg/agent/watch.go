package agent

import (
	"os"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// watch notices handlers that take long, and shows a watchdog that the loop
// lives. The loop's goroutine uses it; the timer's function only reads under the
// lock.
type watch struct {
	log     logrus.FieldLogger
	opts    *options
	touched time.Time
	ticker  *time.Ticker

	mu    sync.Mutex // guards the fields below
	what  string     // what runs; empty: nothing
	key   string
	since time.Time
	late  bool // the warning was given
	timer *time.Timer
}

func newWatch(log logrus.FieldLogger, opts *options) *watch {
	w := &watch{log: log, opts: opts}
	w.timer = time.AfterFunc(time.Hour, w.report)
	w.timer.Stop()
	return w
}

// start returns the channel that wakes an idle loop to touch the watchdog file;
// nil when there is none.
func (w *watch) start() <-chan time.Time {
	w.touch()
	if w.opts.watchdog == "" {
		return nil
	}
	w.ticker = time.NewTicker(touchEvery)
	return w.ticker.C
}

func (w *watch) stop() {
	w.timer.Stop()
	if w.ticker != nil {
		w.ticker.Stop()
	}
}

// touch sets the watchdog file's time when that is due.
func (w *watch) touch() {
	if w.opts.watchdog == "" || time.Since(w.touched) < touchEvery-time.Second {
		return
	}
	w.touched = time.Now()
	file, err := os.OpenFile(w.opts.watchdog, os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		err = os.Chtimes(w.opts.watchdog, w.touched, w.touched)
		if closing := file.Close(); err == nil {
			err = closing
		}
	}
	if err != nil {
		w.log.WithError(err).Error("the watchdog file can't be touched")
	}
}

// guard runs a handler; what and key name it when it takes long.
func (w *watch) guard(what, key string, run func()) {
	w.mu.Lock()
	w.what, w.key, w.since, w.late = what, key, time.Now(), false
	w.mu.Unlock()
	w.timer.Reset(w.opts.warning)
	run()
	w.timer.Stop()
	w.mu.Lock()
	late, took := w.late, time.Since(w.since)
	w.what = ""
	w.mu.Unlock()
	if late {
		w.log.WithFields(logrus.Fields{"handler": what, "key": key, "took": took}).Warn("a slow handler returned")
	}
}

// report is called by the timer when a handler takes long.
func (w *watch) report() {
	w.mu.Lock()
	what, key, took, late := w.what, w.key, time.Since(w.since), w.late
	w.late = what != ""
	w.mu.Unlock()
	if what == "" {
		return
	}
	entry := w.log.WithFields(logrus.Fields{"handler": what, "key": key, "for": took.Round(time.Millisecond)})
	if late {
		entry.Error("a handler is stuck; all others of the agent wait for it")
		return
	}
	entry.Warn("a handler is slow; all others of the agent wait for it")
	w.timer.Reset(w.opts.failure - w.opts.warning)
}
