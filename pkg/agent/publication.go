package agent

import (
	"context"
	"fmt"
	"iter"

	"github.com/evenkv/nkv/pkg/client"
)

// Publication is the writing end of a table. Its methods are safe for concurrent
// use.
type Publication[T any] struct {
	agent *Agent
	table string
	pub   *client.Publication
}

// Publish becomes the owner of a table and returns when it is open, holding what
// was published in it before. It waits for the server as long as ctx allows, and
// for a former instance of the agent, whose connection is gone, to lose its
// claim.
//
// Errors: ErrNotOwner when the table is another agent's, ErrTableOwned while
// another instance is connected and owns it, ErrType when T can't be shared.
func Publish[T any](ctx context.Context, a *Agent, t Table[T]) (*Publication[T], error) {
	shape, err := t.check()
	if err != nil {
		return nil, err
	}
	if t.Owner != a.name {
		return nil, fmt.Errorf("%w: table %s is agent %s's; this is agent %s", ErrNotOwner, t, t.Owner, a.name)
	}
	opts := []client.OpenOption{client.OwnerFingerprint(shape.fingerprint)}
	if t.Durable {
		opts = append(opts, client.DurableTable())
	}
	pub, err := a.client.Open(ctx, t.Name(), opts...)
	if err != nil {
		return nil, err
	}
	return &Publication[T]{agent: a, table: t.String(), pub: pub}, nil
}

// Publish wants key to be v, and returns when the server has acknowledged it. A
// value that is the same as the one acknowledged last is not sent. See
// client.Publication.Put for its errors: with ErrUnconfirmed, ErrUnavailable and
// ErrTableOwned the value stays wanted and is sent when that is over.
func (p *Publication[T]) Publish(ctx context.Context, key string, v T) error {
	data, err := encode(p.table, key, v)
	if err != nil {
		return err
	}
	return p.pub.Put(ctx, key, data)
}

// Unpublish wants key to be gone; ErrNotFound when it is not wanted to be there.
// Its other errors are those of Publish. After ErrUnconfirmed the key stays wanted
// to be gone, so a later call returns ErrNotFound when that was done meanwhile: a
// Delete handler that is retried takes ErrNotFound as done.
func (p *Publication[T]) Unpublish(ctx context.Context, key string) error {
	return p.pub.Delete(ctx, key)
}

// Restarted tells the readers, after all that was published before, that the
// agent has started anew and published all it knew: the table's restart counter
// grows by one.
func (p *Publication[T]) Restarted(ctx context.Context) error {
	return p.pub.Restarted(ctx, p.pub.Restarts()+1)
}

// ClearRestarted sets the restart counter to 0.
func (p *Publication[T]) ClearRestarted(ctx context.Context) error {
	return p.pub.Restarted(ctx, 0)
}

// Get returns what is published under key. The value is the caller's own.
func (p *Publication[T]) Get(key string) (T, bool) {
	data, ok := p.pub.Get(key)
	if !ok {
		var zero T
		return zero, false
	}
	v, err := decode[T](p.table, key, data)
	if err != nil {
		p.agent.log.WithError(err).Warn("a published value of another build can't be read")
	}
	return v, err == nil
}

// All yields what is published, as of the call, by key. The values are the
// caller's own.
func (p *Publication[T]) All() iter.Seq2[string, T] {
	all := p.pub.All()
	return func(yield func(string, T) bool) {
		for key, data := range all {
			v, err := decode[T](p.table, key, data)
			if err != nil {
				p.agent.log.WithError(err).Warn("a published value of another build can't be read")
				continue
			}
			if !yield(key, v) {
				return
			}
		}
	}
}

// Keys yields the keys that are published, as of the call, in order, those of
// values that T can't read included.
func (p *Publication[T]) Keys() iter.Seq[string] {
	all := p.pub.All()
	return func(yield func(string) bool) {
		for key := range all {
			if !yield(key) {
				return
			}
		}
	}
}

// Len returns how many keys are published.
func (p *Publication[T]) Len() int { return p.pub.Len() }

// Close gives up the table. Its keys stay.
func (p *Publication[T]) Close(ctx context.Context) error { return p.pub.Close(ctx) }
