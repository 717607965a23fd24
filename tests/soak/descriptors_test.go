package soak

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/wire"
)

// socketDialer dials a socket, whatever address NATS asks for.
type socketDialer string

func (s socketDialer) Dial(string, string) (net.Conn, error) { return net.Dial("unix", string(s)) }

// noDescriptors leaves the server no file descriptor to open, while clients want to
// connect and its stores are written; then it has them again.
func noDescriptors(t testing.TB, p *place, s *steady, round int) func() {
	before := p.limitDescriptors(p.freeDescriptor())
	waiting := make([]*client.Client, 5)
	var connecting sync.WaitGroup
	for i := range waiting {
		connecting.Go(func() { // the first try may take its 2 s
			var err error
			if waiting[i], err = client.Connect(context.Background(), p.url()); err != nil {
				t.Error(err)
			}
		})
	}
	path := wire.Path{Table: wire.Table{Agent: "durable", Topic: "Sample"}, Key: fmt.Sprint(round % 10)}
	if _, err := s.writer.Put(testContext(t), path, fmt.Append(nil, round), client.Durable()); err != nil {
		t.Errorf("a durable put: %v", err)
	}
	return func() {
		ctx := testContext(t)
		connecting.Wait()
		connected := 0
		for _, c := range waiting {
			if c.Connected() == nil {
				connected++ // a store closed a file since it was looked
			}
		}
		if connected == len(waiting) {
			t.Error("all clients are connected; the descriptors did not run out")
		}
		p.limitDescriptors(before)
		for _, c := range waiting {
			becomes(t, "who waited is connected", func() bool { return c.Connected() == nil })
			if _, err := c.Get(ctx, path); err != nil {
				t.Error(err)
			}
			c.Close()
		}
		health, err := s.writer.Health(ctx)
		if err != nil || health.Status != "ok" {
			t.Errorf("health is %q, %v", health.Status, err)
		}
	}
}
