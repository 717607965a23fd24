package bridge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/eve"
	"github.com/evenkv/nkv/pkg/wire"
)

const (
	// ahead is how many changes of a table may be under way unacknowledged.
	ahead = 64
	// restartWithin is how long after Complete a restart counter that is not zero
	// may take; the original sends it at once.
	restartWithin = time.Second
	// flushPause is the pause after a refusal of what must be acknowledged.
	flushPause = 100 * time.Millisecond
	// closeWithin bounds how long giving a table up may take.
	closeWithin = 2 * time.Second
	// maxComplaints is how many different complaints about one publisher or
	// subscriber are logged.
	maxComplaints = 100
)

// intake puts what one old publisher tells into its table.
type intake struct {
	p   *place
	pub *client.Publication
	log logrus.FieldLogger

	seen    map[string]struct{} // keys that came; nil after Complete
	waiting bool                // Complete came, and no restart counter yet
	unsure  int                 // changes since one was waited for
	over    context.Context     // one that is done: a change with it is sent and not waited for
	said    complaints
}

// follow opens the table for an old publisher, puts what it tells until its end,
// and gives the table up.
func (p *place) follow(conn *net.UnixConn, hello eve.Message) error {
	stop := context.AfterFunc(p.b.ctx, func() { conn.Close() }) //nolint:errcheck // ends what waits for it
	defer func() { stop(); conn.Close() }()                     //nolint:errcheck // it was only read

	c, err := p.b.agents.get(p.table.Agent)
	defer p.b.agents.put(p.table.Agent)
	if err != nil {
		return err
	}
	p.release()
	pub, err := p.open(c, p.durable(hello))
	if err != nil {
		return err
	}
	p.log.Info("an old publisher is followed")
	p.said = ""
	in := newIntake(p, pub)
	p.setMode(following)
	p.passAll()
	end := in.run(conn)
	p.setMode(busy)
	if p.b.ctx.Err() != nil {
		return p.giveUp(pub)
	}
	_, gated := p.see()
	in.flush(pub.Restarts())
	if err = in.catchUp(); err != nil {
		gated = p.unsee(gated)
	}
	if errors.Is(err, errInUse) { // the next one is there, and says all anew
		err = nil
	}
	err = errors.Join(err, p.giveUp(pub))
	p.log.WithError(end).Info("the old publisher is gone; its table is free")
	p.setMode(free)
	p.pass(gated)
	return err
}

func (p *place) giveUp(pub *client.Publication) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.b.ctx), closeWithin)
	defer cancel()
	return pub.Close(ctx)
}

// newIntake returns an intake for a table that was opened.
func newIntake(p *place, pub *client.Publication) *intake {
	over, cancel := context.WithCancel(p.b.ctx)
	cancel()
	return &intake{p: p, pub: pub, log: p.log, seen: map[string]struct{}{}, over: over}
}

// durable tells a table's durability: what the publisher says or, of older ones,
// where its files are.
func (p *place) durable(hello eve.Message) bool {
	if hello.Durability != eve.Unsaid {
		return hello.Durability == eve.Durable
	}
	info, err := os.Stat(p.b.root.Dir(p.table, true))
	return err == nil && info.IsDir()
}

// open makes the agent's client the table's owner. An owner whose connection is
// gone is not waited for: the agent publishes on its old socket now, which its
// client did not let it do while it was there.
func (p *place) open(c *client.Client, durable bool) (*client.Publication, error) {
	ctx := p.b.ctx
	if err := c.Wait(ctx); err != nil {
		return nil, err
	}
	if owner := p.owner().Owner; owner != nil && !owner.Connected {
		if _, err := c.Take(ctx, p.table, durable); err != nil {
			return nil, err
		}
	}
	var options []client.OpenOption
	if durable {
		options = append(options, client.DurableTable())
	}
	return c.Open(ctx, p.table, options...)
}

// run takes messages until the connection ends.
func (in *intake) run(conn *net.UnixConn) error {
	for {
		text, err := receive(conn)
		if errors.Is(err, os.ErrDeadlineExceeded) && in.waiting {
			if err := in.noRestart(conn); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		m, err := eve.ParseMessage(text)
		if err == nil && m.Topic != in.p.table.Topic {
			err = fmt.Errorf("%w: it is of topic %q", eve.ErrMessage, m.Topic)
		}
		if err != nil {
			in.complain("", err, "a message of the old publisher can't be read and is left out")
			continue
		}
		if in.waiting && m.Verb != eve.VerbRestarted {
			if err := in.noRestart(conn); err != nil {
				return err
			}
		}
		if err := in.take(conn, m); err != nil {
			return err
		}
	}
}

func (in *intake) take(conn *net.UnixConn, m eve.Message) error {
	switch m.Verb {
	case eve.VerbUpdate:
		in.update(m.Key, m.Value)
	case eve.VerbDelete:
		in.delete(m.Key)
	case eve.VerbComplete:
		in.complete()
		in.waiting = true
		return conn.SetReadDeadline(time.Now().Add(restartWithin))
	case eve.VerbRestarted:
		in.waiting = false
		in.restarted(m.Restart)
		return conn.SetReadDeadline(time.Time{})
	}
	return nil
}

// noRestart notes that the publisher's restart counter is zero, which it does not
// say.
func (in *intake) noRestart(conn *net.UnixConn) error {
	in.waiting = false
	if in.pub.Restarts() != 0 {
		in.restarted(0)
	}
	return conn.SetReadDeadline(time.Time{})
}

func (in *intake) update(key string, value []byte) {
	if err := checkKey(key); err != nil {
		in.complain(key, err, "a key of the old publisher can't be one here")
		return
	}
	if len(value) == 0 { // the original publishes none
		in.complain(key, eve.ErrMessage, "an empty value of the old publisher is left out")
		return
	}
	if in.seen != nil {
		in.seen[key] = struct{}{}
	}
	full, err := eve.InlineLarge(value, in.p.b.root.Large())
	if err != nil {
		in.complain(key, err, "a value of the old publisher can't be put together; the one before stays")
		return
	}
	in.put(key, full)
}

func checkKey(key string) error {
	return errors.Join(eve.CheckKey(key), wire.ValidKey(key))
}

func (in *intake) put(key string, value []byte) {
	ctx := in.patience()
	in.check(ctx, key, in.pub.Put(ctx, key, value))
}

func (in *intake) delete(key string) {
	delete(in.seen, key)
	ctx := in.patience()
	in.check(ctx, key, in.pub.Delete(ctx, key))
}

// patience returns with which context a change is made: it is sent in its order,
// and every so often one is waited for, so that a publisher can't put more into the
// server's queues than anybody else.
func (in *intake) patience() context.Context {
	if in.unsure++; in.unsure < ahead {
		return in.over
	}
	in.unsure = 0
	return in.p.b.ctx
}

// check says what became of a change. What is not confirmed stays wanted.
func (in *intake) check(ctx context.Context, key string, err error) {
	switch {
	case err == nil, errors.Is(err, client.ErrNotFound), ctx.Err() != nil && errors.Is(err, client.ErrUnconfirmed):
	default:
		in.complain(key, err, "a change of the old publisher is not in the table")
	}
}

// complete deletes the keys that the publisher does not have.
func (in *intake) complete() {
	if in.seen == nil {
		return
	}
	seen := in.seen
	in.seen = nil
	for key := range in.pub.All() {
		if _, there := seen[key]; !there {
			in.delete(key)
		}
	}
}

func (in *intake) restarted(counter uint64) {
	if err := in.pub.Restarted(in.p.b.ctx, counter); err != nil {
		in.complain("", err, "the restart counter is not told yet")
	}
	in.unsure = 0
}

// settle puts what files have, and returns when the server has acknowledged it and
// all that was put before.
func (in *intake) settle(found contents) {
	if len(found.changed)+len(found.deleted) > 0 {
		in.log.WithFields(logrus.Fields{"changed": len(found.changed), "deleted": len(found.deleted)}).Info("the old publisher's files have what it did not tell")
	}
	for key, value := range found.changed {
		in.put(key, value)
	}
	for _, key := range found.deleted {
		in.delete(key)
	}
	in.flush(found.restart)
}

// flush sets the restart counter and returns when the server has acknowledged it,
// and so all that was put before. It goes on trying as long as nobody takes the
// table.
func (in *intake) flush(restart uint64) {
	for in.p.b.ctx.Err() == nil && !in.p.foreign(in.p.owner()) {
		err := in.pub.Restarted(in.p.b.ctx, restart)
		if err == nil {
			return
		}
		in.complain("", err, "the old publisher's last changes are not in the table yet")
		select {
		case <-time.After(flushPause):
		case <-in.p.b.ctx.Done():
		}
	}
}

// complain logs what is wrong, once for each key and kind.
func (in *intake) complain(key string, err error, text string) {
	if in.said.first(key + "\x00" + text) {
		in.log.WithError(err).WithField("key", key).Warn(text)
	}
}

// complaints remembers what was said, up to a limit; beyond it nothing is said.
type complaints map[string]struct{}

func (c *complaints) first(what string) bool {
	if _, said := (*c)[what]; said || len(*c) >= maxComplaints {
		return false
	}
	if *c == nil {
		*c = complaints{}
	}
	(*c)[what] = struct{}{}
	return true
}
