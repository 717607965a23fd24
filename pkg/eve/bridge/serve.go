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
)

// acceptPause is the pause after a connection could not be accepted, as when the
// process has too many files open.
const acceptPause = 100 * time.Millisecond

// accept serves whoever connects, until the listener is closed.
func (p *place) accept(l *listener) {
	for {
		conn, err := l.AcceptUnix()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			p.log.WithError(err).Warn("an old subscriber could not be let in; it will come again")
			select {
			case <-time.After(acceptPause):
			case <-p.b.ctx.Done():
			}
		case !p.b.enter(p.table):
			p.log.Warn("an old subscriber was turned away: there are too many")
			conn.Close() //nolint:errcheck // nothing was sent
		default:
			p.b.work.Go(func() {
				defer p.b.exit(p.table)
				p.serve(conn)
			})
		}
	}
}

// outlet is one old subscriber that is served.
type outlet struct {
	p    *place
	conn *net.UnixConn
	log  logrus.FieldLogger
	dir  string
	sent map[string]struct{} // keys that the subscriber has
	said complaints
	buf  []byte
}

// serve tells a subscriber what is in the table and what changes, until one of
// the two ends. There is no limit to how long a subscriber may take: until it goes
// on, at most two changes of each key wait for it, in its subscription.
func (p *place) serve(conn *net.UnixConn) {
	ctx, cancel := context.WithCancel(p.b.ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { conn.Close() }) //nolint:errcheck // ends what waits for it
	defer func() { stop(); conn.Close() }()                 //nolint:errcheck // what was sent is sent
	o := &outlet{p: p, conn: conn, log: p.log, dir: p.b.root.Large(), sent: map[string]struct{}{}}
	if err := o.greet(); err != nil {
		if ctx.Err() == nil {
			p.log.WithError(err).Warn("who connected is no old subscriber of the table")
		}
		return
	}
	sub, err := p.b.reader.Subscribe(p.table.String())
	if err != nil {
		p.log.WithError(err).Error("an old subscriber can't be served")
		return
	}
	defer sub.Close()
	p.b.work.Go(func() { // it ends with the connection
		defer cancel()
		receive(conn) //nolint:errcheck // nothing may come any more, so it is the end
	})
	if end := o.run(ctx, sub); ctx.Err() == nil {
		p.log.WithError(end).Info("an old subscriber is gone")
	}
}

// greet takes the request and answers it.
func (o *outlet) greet() error {
	if err := o.conn.SetDeadline(time.Now().Add(o.p.b.greets)); err != nil {
		return err
	}
	text, err := receive(o.conn)
	if err != nil {
		return fmt.Errorf("no request came: %w", err)
	}
	if len(text) >= maxRequest {
		return fmt.Errorf("%w: a request of %d bytes; it must be below %d", eve.ErrMessage, len(text), maxRequest)
	}
	m, err := eve.ParseMessage(text)
	if err != nil {
		return err
	}
	if m.Verb != eve.VerbRequest || m.Topic != o.p.table.Topic {
		return fmt.Errorf("%w: %s of topic %q came instead of a request", eve.ErrMessage, m.Verb, m.Topic)
	}
	durability := eve.Volatile
	if o.p.owner().Durable {
		durability = eve.Durable
	}
	if err := o.send(eve.Message{Verb: eve.VerbHello, Durability: durability}); err != nil {
		return err
	}
	return o.conn.SetDeadline(time.Time{})
}

func (o *outlet) send(m eve.Message) error {
	m.Topic = o.p.table.Topic
	text, err := m.Append(o.buf[:0])
	if err != nil {
		return err
	}
	_, err = o.conn.Write(text)
	if o.buf = text; cap(text) > 4096 { // most are small, and there are many subscribers
		o.buf = nil
	}
	return err
}

// run returns why it ended.
func (o *outlet) run(ctx context.Context, sub *client.Subscription) error {
	for {
		change, ok := sub.Next()
		if !ok {
			if err := sub.Wait(ctx); err != nil {
				return err
			}
			continue
		}
		if err := o.tell(change); err != nil {
			return err
		}
	}
}

// tell sends one change. Its error is the connection's end.
func (o *outlet) tell(c client.Change) error {
	switch c.Op {
	case client.Put:
		return o.update(c.Key, c.Value)
	case client.Delete:
		if _, there := o.sent[c.Key]; !there {
			return nil
		}
		delete(o.sent, c.Key)
		return o.send(eve.Message{Verb: eve.VerbDelete, Key: c.Key})
	case client.Synchronized:
		return o.send(eve.Message{Verb: eve.VerbComplete})
	case client.Restarted:
		return o.send(eve.Message{Verb: eve.VerbRestarted, Restart: c.Info.Restart})
	}
	return nil
}

// update sends a value, unless it is one that the original can't read.
func (o *outlet) update(key string, value []byte) error {
	small, files, err := eve.ExtractLarge(value, o.dir)
	if err == nil {
		err = o.send(eve.Message{Verb: eve.VerbUpdate, Key: key, Value: small})
		if err == nil {
			o.sent[key] = struct{}{}
			return nil
		}
		for _, file := range files { // nobody was told of it
			os.Remove(file) //nolint:errcheck // what stays is only in the way until the next boot
		}
	}
	if !errors.Is(err, eve.ErrTooLarge) && !errors.Is(err, eve.ErrLarge) {
		return err
	}
	if o.said.first(fmt.Sprintf("%s %d", key, len(value))) {
		o.log.WithError(err).WithFields(logrus.Fields{"key": key, "bytes": len(value)}).
			Error("a value can't be told to an old subscriber, which keeps the one before")
	}
	return nil
}
