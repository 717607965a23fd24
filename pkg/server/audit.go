package server

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
)

// How many refusals are written down: of one client and of all, at once and then
// each second. The others are counted. So nobody can fill a disk by being refused.
const (
	auditClientBurst, auditClientRate = 5, 0.1
	auditBurst, auditRate             = 50, 1
)

// audit counts and writes down what was refused to whom. Values and secrets are
// not told to it, but for instances in the names of inboxes, which it leaves out. Safe for concurrent use.
type audit struct {
	log     logrus.FieldLogger
	refused atomic.Uint64
	all     bucket
	left    atomic.Uint64 // refusals since the last line that none was written for
}

func newAudit(log logrus.FieldLogger) *audit {
	return &audit{log: log, all: bucket{burst: auditBurst, rate: auditRate}}
}

// refuse writes down one refusal, if of, which is the client's, and all allow it.
// A nil one is that of nobody in particular.
func (a *audit) refuse(of *bucket, fields logrus.Fields, why error) {
	a.refused.Add(1)
	if of != nil && !of.take(time.Now()) || !a.all.take(time.Now()) {
		a.left.Add(1)
		return
	}
	a.entry().WithFields(fields).WithField("audit", "refused").Warn(shortened(hidden(line(why.Error()))))
}

// report writes down what else a client does wrong, if there is room for it.
func (a *audit) report(text string) {
	if !a.all.take(time.Now()) {
		a.left.Add(1)
		return
	}
	a.entry().Warn(shortened(hidden(line(text))))
}

func (a *audit) entry() *logrus.Entry {
	entry := a.log.WithFields(nil)
	if n := a.left.Swap(0); n > 0 {
		entry = entry.WithField("left-out", n)
	}
	return entry
}

// bucket holds what may be done at once, and is filled again at a rate per second.
type bucket struct {
	burst, rate float64

	mu   sync.Mutex // guards the fields below
	used float64
	at   time.Time
}

func (b *bucket) take(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used = max(0, b.used-now.Sub(b.at).Seconds()*b.rate)
	b.at = now
	if b.used+1 > b.burst {
		return false
	}
	b.used++
	return true
}

// shortened keeps what clients say from filling the log.
func shortened(text string) string {
	const most = 400
	if len(text) <= most {
		return text
	}
	return text[:most] + "…"
}
