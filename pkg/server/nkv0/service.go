package nkv0

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/wire"
)

// Table is where the keys are, as the core names it.
const Table = "nkv0.Value"

// owner holds the table for a moment when a service makes it.
const owner = "nkv0"

// Options configure a service. All fields must be set.
type Options struct {
	// Core has the state.
	Core nkv.NotifyKeyValue
	// Publish sends a message. It is called from the core's goroutine too, and must
	// keep the order and not block.
	Publish func(subject string, body []byte) error
	// Beside runs something in a goroutine that whoever stops the core waits for.
	Beside func(func())
	// Status returns the status that answers an error of the core, of MayPut, or
	// wire.ErrInvalidPath.
	Status func(error) wire.Status
	// MayPut refuses a value that can't be put under an encoded path, but for its
	// size.
	MayPut func(path string, value []byte) error
	// MaxValue is the largest value that is taken, in bytes.
	MaxValue int
	// MaxMessage is the largest message that can be published, in bytes.
	MaxMessage int
	// Logger gets what people should know: keys and sizes, no values.
	Logger logrus.FieldLogger
}

// Service answers requests and tells what becomes of keys. It is safe for
// concurrent use.
type Service struct{ Options }

// New returns a service. Give it messages by Receive and events by Notify.
func New(opts Options) *Service { return &Service{opts} }

// Prepare makes the table, or makes it durable when a client made it volatile, so
// that it is there, complete, before its first key. A put makes it as well, so an
// error, which is the core's or of ctx, is no reason to give up.
func (s *Service) Prepare(ctx context.Context) error {
	found, err := s.ask(ctx, nkv.Request{Op: nkv.OpTables, Match: func(name string) bool { return name == Table }})
	if err != nil {
		return err
	}
	if len(found.Infos) == 1 {
		info := found.Infos[0]
		mine := info.Owner != nil && info.Owner.Instance.ID == owner // it stopped in between
		if info.Durable && !mine {
			return nil
		}
	}
	instance := nkv.Instance{ID: owner, Agent: owner}
	opened, err := s.ask(ctx, nkv.Request{Op: nkv.OpOpen, Table: Table, Instance: instance, Durable: true})
	if err != nil {
		return err
	}
	_, err = s.ask(ctx, nkv.Request{Op: nkv.OpClose, Table: Table, Instance: instance, Fence: opened.Fence})
	return err
}

// ask asks the core and waits.
func (s *Service) ask(ctx context.Context, r nkv.Request) (nkv.Result, error) {
	done := make(chan nkv.Result, 1)
	r.Done = func(result nkv.Result) { done <- result }
	s.Core.Submit(r)
	select {
	case result := <-done:
		return result, result.Err
	case <-ctx.Done():
		return nkv.Result{}, fmt.Errorf("prepare table %s: %w", Table, ctx.Err())
	}
}

// Receive serves a request. One whose answer could not be received, since reply is
// no inbox, is not done either.
func (s *Service) Receive(subject, reply string, body []byte) {
	if !strings.HasPrefix(reply, InboxRoot) {
		s.Logger.WithField("subject", subject).Debug("a request of nkv's first protocol without an inbox to answer to")
		return
	}
	r, err := ParseRequest(subject, body)
	if err == nil {
		err = s.check(r)
	}
	if err != nil {
		s.refuse(reply, r, err)
		return
	}
	switch r.Verb {
	case Put:
		s.put(reply, r)
	case Get:
		s.get(reply, r)
	case Delete:
		s.delete(reply, r)
	case Subscribe:
		s.subscribe(reply, r)
	}
}

// check refuses what must not come to the core.
func (s *Service) check(r Request) error {
	if err := wire.ValidKey(r.Key); err != nil || r.Verb != Put {
		return err
	}
	if len(r.Value) > s.MaxValue {
		return fmt.Errorf("%w: it has %d bytes; the limit is %d", ErrTooLarge, len(r.Value), s.MaxValue)
	}
	return s.MayPut(Table+"."+wire.EncodeToken(r.Key), r.Value)
}

func (s *Service) put(reply string, r Request) {
	s.submit(reply, r, nkv.Request{Op: nkv.OpPut, Value: r.Value, Durable: true}, func(nkv.Result) {
		s.answer(reply, r, done(kindBase, nil))
	})
}

func (s *Service) get(reply string, r Request) {
	s.submit(reply, r, nkv.Request{Op: nkv.OpGet}, func(result nkv.Result) {
		if result.Err != nil {
			s.answer(reply, r, missing(kindGet))
			return
		}
		s.answer(reply, r, done(kindGet, result.Entry.Value))
	})
}

// delete answers that a key is gone that was not there.
func (s *Service) delete(reply string, r Request) {
	s.submit(reply, r, nkv.Request{Op: nkv.OpDelete}, func(nkv.Result) {
		s.answer(reply, r, done(kindBase, nil))
	})
}

// subscribe answers with the key's subject, where a hello follows.
func (s *Service) subscribe(reply string, r Request) {
	s.submit(reply, r, nkv.Request{Op: nkv.OpGet}, func(result nkv.Result) {
		if result.Err != nil {
			s.answer(reply, r, missing(kindPut))
			return
		}
		subject := subjectOf(r.Key)
		s.answer(reply, r, done(kindPut, []byte(subject)))
		s.publish(subject, []byte(hello), r.Key)
	})
}

// submit asks the core about the request's key. A refusal is answered; answer is
// called with a result that worked or has ErrNotFound, in the core's goroutine.
func (s *Service) submit(reply string, r Request, ask nkv.Request, answer func(nkv.Result)) {
	ask.Table, ask.Key = Table, wire.EncodeToken(r.Key)
	ask.Done = func(result nkv.Result) {
		if result.Err != nil && !errors.Is(result.Err, nkv.ErrNotFound) {
			s.refuse(reply, r, result.Err)
			return
		}
		answer(result)
	}
	s.Core.Submit(ask)
}

// answer sends an answer, unless it does not fit into a message.
func (s *Service) answer(reply string, r Request, a answer) {
	a.id = r.ID
	if n := around + bytesLength(a.data); n > s.MaxMessage {
		s.refuse(reply, r, fmt.Errorf("%w: it has %d bytes, and written as numbers more than a message holds, %d; read it with a newer client", ErrTooLarge, len(a.data), s.MaxMessage))
		return
	}
	s.publish(reply, a.encode(), r.Key)
}

// refuse answers with what went wrong.
func (s *Service) refuse(reply string, r Request, err error) {
	a := answer{kind: kindBase, id: r.ID, status: s.Status(err), message: err.Error()}
	switch {
	case errors.Is(err, ErrInvalid):
		a.status = wire.StatusBadRequest
	case errors.Is(err, ErrTooLarge):
		a.status = wire.StatusTooLarge
	}
	s.publish(reply, a.encode(), r.Key)
}

func (s *Service) publish(subject string, body []byte, key string) {
	if err := s.Publish(subject, body); err != nil {
		s.Logger.WithError(err).WithField("key", key).Warn("a message of nkv's first protocol could not be sent")
	}
}
