package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/evenkv/nkv/pkg/wire"
)

// answer is what came for a call.
type answer struct {
	header wire.Header
	body   []byte
	err    error // why none came, or why the server refused
}

// calls matches answers to what was asked. The zero value is ready. Safe for
// concurrent use.
type calls struct {
	mu      sync.Mutex // guards the fields
	last    uint64
	waiting map[uint64]func(answer)
}

// add registers a call. Its answer comes once, from a goroutine that must not be
// held up, unless the call is taken back before.
func (c *calls) add(done func(answer)) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == nil {
		c.waiting = map[uint64]func(answer){}
	}
	c.last++
	c.waiting[c.last] = done
	return c.last
}

// take removes a call; nil: it is not waiting any more.
func (c *calls) take(id uint64) func(answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	done := c.waiting[id]
	delete(c.waiting, id)
	return done
}

// answer is NATS's callback for the client's inbox.
func (c *calls) answer(m *nats.Msg) {
	id, err := strconv.ParseUint(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:], 10, 64)
	if err != nil {
		return
	}
	if done := c.take(id); done != nil {
		done(readAnswer(m))
	}
}

// newest returns the id of the newest call; 0: there was none.
func (c *calls) newest() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// fail ends the waiting calls up to an id.
func (c *calls) fail(upTo uint64, err error) {
	c.mu.Lock()
	var failed []func(answer)
	for id, done := range c.waiting {
		if id <= upTo {
			failed = append(failed, done)
			delete(c.waiting, id)
		}
	}
	c.mu.Unlock()
	for _, done := range failed {
		done(answer{err: err})
	}
}

func readAnswer(m *nats.Msg) answer {
	a := answer{header: wire.Header(m.Header), body: m.Data}
	if a.header.Get(wire.HeaderStatus) == "" && a.header.Get("Status") == "503" {
		a.err = fmt.Errorf("%w: no nkv server answers here yet", ErrUnavailable)
		return a
	}
	status, err := strconv.Atoi(a.header.Get(wire.HeaderStatus))
	if err != nil {
		a.err = fmt.Errorf("%w: the answer has no %s", ErrInvalid, wire.HeaderStatus)
		return a
	}
	if status != int(wire.StatusOK) {
		refused := &Error{
			Status: wire.Status(status), Reason: wire.Reason(a.header.Get(wire.HeaderReason)),
			Message: a.header.Get(wire.HeaderMessage), RetryAfter: a.header.RetryAfter(),
		}
		refused.Revision, _, _ = a.header.Uint(wire.HeaderRevision) //nolint:errcheck // 0 when it can't be read
		a.err = refused
	}
	return a
}

// send sends a request; see calls.add for how its answer comes. With an error
// none does. It blocks while the server does not read, but not longer than
// writeWithin.
func (c *Client) send(verb wire.Verb, target string, header wire.Header, body []byte, done func(answer)) (id uint64, err error) {
	if err := c.Connected(); err != nil {
		return 0, err
	}
	id = c.calls.add(done)
	number := strconv.FormatUint(id, 10)
	if header == nil {
		header = wire.Header{}
	}
	header.Set(wire.HeaderID, number)
	err = c.nc.PublishMsg(&nats.Msg{
		Subject: wire.Subject(verb, target), Reply: wire.InboxPrefix(c.instance) + ".r." + number,
		Header: nats.Header(header), Data: body,
	})
	if err == nil {
		return id, nil
	}
	c.calls.take(id)
	if errors.Is(err, nats.ErrMaxPayload) {
		return 0, fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.log.WithError(err).Warn("the server does not read; the connection is made anew")
		if again := c.nc.ForceReconnect(); again != nil {
			err = errors.Join(err, again)
		}
	}
	return 0, fmt.Errorf("%w: %w", ErrDisconnected, err)
}

// call asks and waits: as long as ctx, or the default time when it has no
// deadline. A change that gets no answer is ErrUnconfirmed, anything else
// ErrNoAnswer.
func (c *Client) call(ctx context.Context, verb wire.Verb, target string, header wire.Header, body []byte) (answer, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.opts.timeout)
		defer cancel()
	}
	request := strings.TrimSpace(string(verb) + " " + target)
	done := make(chan answer, 1)
	id, err := c.send(verb, target, header, body, func(a answer) { done <- a })
	if err != nil {
		return answer{}, fmt.Errorf("%s: %w", request, err)
	}
	select {
	case a := <-done:
		if a.err != nil {
			return a, fmt.Errorf("%s: %w", request, a.unanswered(verb))
		}
		return a, nil
	case <-ctx.Done():
		c.calls.take(id)
		return answer{}, fmt.Errorf("%s: %w", request, answer{err: ctx.Err()}.unanswered(verb))
	}
}

// unanswered says what the lack of an answer means. What the server said stays
// as it is.
func (a answer) unanswered(verb wire.Verb) error {
	var refused *Error
	if errors.As(a.err, &refused) || errors.Is(a.err, ErrUnavailable) {
		return a.err
	}
	switch verb {
	case wire.VerbPut, wire.VerbDelete, wire.VerbOpen, wire.VerbClose, wire.VerbMark:
		return fmt.Errorf("%w: %w", ErrUnconfirmed, a.err)
	}
	return fmt.Errorf("%w: %w", ErrNoAnswer, a.err)
}
