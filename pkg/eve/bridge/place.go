package bridge

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/wire"
)

// What did not work is tried again after retryFirst, then after ever longer pauses
// up to retryMost; what others do ends a pause.
const (
	retryFirst = time.Millisecond
	retryMost  = 10 * time.Second
	// steady is how long a publisher must have been followed for its end not to
	// count as a failure.
	steady = time.Second
	// maxEnding is how often in a row a publisher may end in its greeting before
	// nobody waits for it any more.
	maxEnding = 5
	// maxUnread is how often in a row files may not be taken over before openings
	// don't wait for that any more.
	maxUnread = 5
)

// place is one table and its socket.
type place struct {
	b     *Bridge
	table wire.Table
	path  string
	log   *logrus.Entry
	kick  chan struct{} // holds a token when something changed

	// The bridge's lock guards these.
	info    nkv.Info // who owns the table
	unseen  bool     // an old publisher may have written files since they were looked at
	mode    mode
	gated   []opening // that wait for a look
	passing int       // openings that went on and are not answered

	// All below is owned by run.
	listener *listener // nil: not listening
	said     string    // the last complaint; the same is not logged again
	unread   int       // glances in a row that failed
	released bool      // the files are left to an old publisher
	ended    int       // greetings that failed in a row, with somebody there each time
	twoSides time.Time // since when the table is published on both; zero: it is not
}

// run looks at the place whenever something changed, until there is nothing to do
// for it.
func (p *place) run() {
	defer p.unlisten()
	pause := retryFirst
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for p.b.ctx.Err() == nil {
		switch p.look() {
		case idle:
			if p.b.leave(p) {
				return
			}
			timer.Stop()
			pause = retryFirst
		case settled:
			timer.Stop()
			pause = retryFirst
		case again:
			timer.Reset(pause)
			pause = min(2*pause, retryMost)
		}
		select {
		case <-p.kick:
			pause = retryFirst
		case <-timer.C:
		case <-p.b.ctx.Done():
		}
	}
}

// outcome is what a look ended with.
type outcome int

const (
	idle    outcome = iota // there is nothing here
	settled                // all is as it should be until something changes
	again                  // to be tried again after a pause
)

func (p *place) look() outcome {
	if p.foreign(p.owner()) {
		p.letGo()
		return p.listen()
	}
	p.twoSides = time.Time{}
	p.unlisten()
	return p.visit()
}

// letGo leaves the table to clients.
func (p *place) letGo() {
	if err := p.reclaim(); err != nil {
		p.complain(logrus.ErrorLevel, err, "the table's files are not kept current")
	}
	p.passAll()
}

// owner returns who owns the table.
func (p *place) owner() nkv.Info {
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	return p.info
}

// foreign reports whether the owner is there, and not the bridge itself.
func (p *place) foreign(info nkv.Info) bool {
	return info.Owner != nil && info.Owner.Connected && !p.b.agents.own(p.table.Agent, info.Owner.Instance.ID)
}

func (p *place) listen() outcome {
	if p.listener != nil && p.listener.there() {
		return settled
	}
	p.unlisten()
	l, err := listen(p.b.ctx, p.path)
	switch {
	case errors.Is(err, errInUse):
		p.bothSides(err)
		return again
	case err != nil:
		if p.b.ctx.Err() == nil {
			p.complain(logrus.ErrorLevel, err, "old subscribers can't reach the table")
		}
		return again
	}
	p.listener, p.said, p.twoSides = l, "", time.Time{}
	p.b.work.Go(func() { p.accept(l) })
	return settled
}

// bothSides says that the table is published on both sides, unless one is just
// about to end.
func (p *place) bothSides(err error) {
	switch {
	case p.twoSides.IsZero():
		p.twoSides = time.Now()
	case time.Since(p.twoSides) >= steady:
		p.complain(logrus.ErrorLevel, err, "the table is published on its old socket and has an owner that is a client; stop one of the two")
	}
}

// unlisten removes the socket. Who is served already stays.
func (p *place) unlisten() {
	if p.listener == nil {
		return
	}
	if err := p.listener.remove(); err != nil {
		p.log.WithError(err).Error("the socket could not be removed; an old publisher can't start")
	}
	p.listener = nil
}

// visit follows an old publisher until it is gone, if there is one. If there was
// one that is gone already, it sees to what that has written.
func (p *place) visit() outcome {
	outcome, met := p.meet()
	switch {
	case met == somebody: // it may answer for long
		p.letGo()
	case met == nobody && p.begin():
		gated := p.glance()
		p.setMode(free)
		p.pass(gated)
		if p.released {
			return again
		}
	}
	return outcome
}

// meeting is who was on the socket.
type meeting int

const (
	nobody    meeting = iota
	somebody          // who answers and is no publisher
	publisher         // who was followed, or is to be followed when the table is free
)

func (p *place) meet() (outcome, meeting) {
	info, err := os.Lstat(p.path)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && info.Mode().Type() != fs.ModeSocket:
		p.ended = 0
		return idle, nobody
	case err != nil:
		p.complain(logrus.WarnLevel, err, "the socket can't be looked at")
		return again, nobody
	}
	conn, hello, err := greet(p.b.ctx, p.path, p.table.Topic, p.b.greets)
	switch {
	case errors.Is(err, syscall.EPROTOTYPE): // of something else
		return settled, nobody
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		// It was left behind, or is about to be listened on.
		p.ended = 0
		if time.Since(info.ModTime()) < steady {
			p.unsee(nil)
		}
		return again, nobody
	case err != nil:
		p.unsee(nil)
		if p.b.ctx.Err() == nil && !ending(err) {
			p.complain(logrus.WarnLevel, err, "the old publisher on the socket can't be followed")
		}
		if p.ended++; ending(err) && p.ended <= maxEnding {
			return again, publisher
		}
		return again, somebody
	}
	p.ended = 0
	if !p.begin() {
		conn.Close() //nolint:errcheck // the next look says whose the table is
		return again, publisher
	}
	start := time.Now()
	err = p.follow(conn, hello)
	p.setMode(free)
	if err != nil && p.b.ctx.Err() == nil {
		p.complain(logrus.ErrorLevel, err, "the old publisher is not followed")
	}
	if err == nil && time.Since(start) >= steady {
		signal(p.kick)
	}
	return again, publisher
}

// ending reports whether a greeting failed as it does when a publisher's process
// ends.
func ending(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, errEnd)
}

// complain logs what is wrong, once until it is something else.
func (p *place) complain(level logrus.Level, err error, text string) {
	var op *net.OpError
	what := text + ": " + err.Error()
	if errors.As(err, &op) {
		what = text + ": " + op.Err.Error() // without addresses that differ
	}
	if p.said == what {
		return
	}
	p.said = what
	p.log.WithError(err).Log(level, text)
}
