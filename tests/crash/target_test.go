package crash

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/wire"
)

// settled is how long a server may take to recover.
const settled = 20 * time.Second

// agentName is the agent of all tables here.
const agentName = "owner"

// server is a target behind a client. The end of ctx ends what is asked for.
type server struct {
	ctx context.Context
	c   *client.Client
}

func tableOf(name string) wire.Table { return wire.Table{Agent: agentName, Topic: name} }

func pathOf(table, key string) wire.Path { return wire.Path{Table: tableOf(table), Key: key} }

func conditions(durable bool, expect *uint64) []client.ChangeOption {
	var given []client.ChangeOption
	if durable {
		given = append(given, client.Durable())
	}
	if expect != nil {
		given = append(given, client.ExpectRevision(*expect))
	}
	return given
}

// judged says what an error means for a step. A disconnected client did not send.
func judged(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, client.ErrUnavailable), errors.Is(err, client.ErrTableOwned):
		return fmt.Errorf("%w: %w", errNotYet, err)
	case errors.Is(err, client.ErrRevision), errors.Is(err, client.ErrNotFound), errors.Is(err, client.ErrFence):
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	return fmt.Errorf("%w: %w", errUnknown, err)
}

func (s server) put(table, key string, value []byte, durable bool, expect *uint64) (uint64, error) {
	revision, err := s.c.Put(s.ctx, pathOf(table, key), value, conditions(durable, expect)...)
	return revision, judged(err)
}

func (s server) delete(table, key string, expect *uint64) (uint64, error) {
	revision, err := s.c.Delete(s.ctx, pathOf(table, key), conditions(false, expect)...)
	return revision, judged(err)
}

func (s server) clear(table string) error {
	_, err := s.c.Clear(s.ctx, tableOf(table))
	return judged(err)
}

// mark opens the table, sets its restart counter and closes it.
func (s server) mark(table string, counter uint64, durable bool) error {
	ctx, cancel := context.WithTimeout(s.ctx, 5*time.Second)
	defer cancel()
	var given []client.OpenOption
	if durable {
		given = append(given, client.DurableTable())
	}
	pub, err := s.c.Open(ctx, tableOf(table), given...)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnknown, err)
	}
	told := pub.Restarted(ctx, counter)
	if err := errors.Join(told, pub.Close(ctx)); err != nil {
		return fmt.Errorf("%w: %w", errUnknown, err)
	}
	return nil
}

func (s server) read(table string) (*found, error) {
	ctx, cancel := context.WithTimeout(s.ctx, 10*time.Second)
	defer cancel()
	info, entries, err := s.c.Snapshot(ctx, tableOf(table))
	if err != nil {
		return nil, err
	}
	f := &found{exists: info.Head > 0, durable: info.Durable, head: info.Head, restart: info.Restart, keys: map[string]cell{}}
	for _, e := range entries {
		f.keys[e.Path.Key] = cell{string(e.Value), e.Revision}
	}
	return f, nil
}

// core is a target in this process, without a network.
type core struct{ c *nkv.Core }

func (c core) ask(r nkv.Request) nkv.Result {
	answer := make(chan nkv.Result, 1)
	r.Table = tableOf(r.Table).String()
	r.Done = func(result nkv.Result) { answer <- result }
	c.c.Submit(r)
	result := <-answer
	switch err := result.Err; {
	case err == nil:
	case errors.Is(err, nkv.ErrUnknown):
		result.Err = fmt.Errorf("%w: %w", errUnknown, err)
	case errors.Is(err, nkv.ErrUnavailable):
		result.Err = fmt.Errorf("%w: %w", errNotYet, err)
	default:
		result.Err = fmt.Errorf("%w: %w", errRefused, err)
	}
	return result
}

func (c core) put(table, key string, value []byte, durable bool, expect *uint64) (uint64, error) {
	result := c.ask(nkv.Request{Op: nkv.OpPut, Table: table, Key: key, Value: value, Durable: durable, Expect: expect})
	return result.Revision, result.Err
}

func (c core) delete(table, key string, expect *uint64) (uint64, error) {
	result := c.ask(nkv.Request{Op: nkv.OpDelete, Table: table, Key: key, Expect: expect})
	return result.Revision, result.Err
}

func (c core) clear(table string) error { return c.ask(nkv.Request{Op: nkv.OpClear, Table: table}).Err }

func (c core) mark(table string, counter uint64, durable bool) error {
	return c.ask(nkv.Request{Op: nkv.OpMark, Table: table, Restart: counter, Make: true, Durable: durable}).Err
}

func (c core) read(table string) (*found, error) {
	result := c.ask(nkv.Request{Op: nkv.OpSnapshot, Table: table})
	if result.Err != nil {
		return nil, result.Err
	}
	f := &found{
		exists: result.Info.Head > 0, durable: result.Info.Durable, head: result.Info.Head,
		restart: result.Info.Restart, keys: map[string]cell{},
	}
	for _, e := range result.View.Entries() {
		f.keys[e.Key] = cell{string(e.Value), e.Revision}
	}
	return f, nil
}
