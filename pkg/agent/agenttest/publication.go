package agenttest

import (
	"context"

	"github.com/evenkv/nkv/pkg/agent"
)

// Publication is a table that the test owns. Put, Delete and Restarted fail the
// test when the server does not acknowledge within Patience; the methods of the
// agent's own publication return an error instead, and are for tests in which the
// connection is cut. Safe for concurrent use like that one, but those that fail
// the test are for its goroutine.
type Publication[T any] struct {
	*agent.Publication[T]
	s    *Server
	name string
}

// Publish opens a table as its owner, with an agent of its own, until the test
// ends. A test may own tables of many agents.
func Publish[T any](s *Server, table agent.Table[T]) *Publication[T] {
	s.t.Helper()
	a := s.Connect(table.Owner)
	ctx, cancel := patient()
	defer cancel()
	pub, err := agent.Publish(ctx, a, table)
	if err != nil {
		s.t.Fatalf("table %s can't be opened: %v", table, err)
	}
	return &Publication[T]{pub, s, table.String()}
}

// Put publishes v under key.
func (p *Publication[T]) Put(key string, v T) {
	p.s.t.Helper()
	ctx, cancel := patient()
	defer cancel()
	if err := p.Publish(ctx, key, v); err != nil {
		p.s.t.Fatalf("key %q of table %s can't be published: %v", key, p.name, err)
	}
}

// Delete unpublishes key; it must be published.
func (p *Publication[T]) Delete(key string) {
	p.s.t.Helper()
	ctx, cancel := patient()
	defer cancel()
	if err := p.Unpublish(ctx, key); err != nil {
		p.s.t.Fatalf("key %q of table %s can't be unpublished: %v", key, p.name, err)
	}
}

// Restarted says that all is published: the table's restart counter grows by one.
func (p *Publication[T]) Restarted() {
	p.s.t.Helper()
	ctx, cancel := patient()
	defer cancel()
	if err := p.Publication.Restarted(ctx); err != nil {
		p.s.t.Fatalf("the restart counter of table %s can't be set: %v", p.name, err)
	}
}

// patient bounds what is waited for.
func patient() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), Patience)
}
