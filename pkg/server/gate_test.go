package server

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/nkv"
	"github.com/evenkv/nkv/pkg/wire"
)

// gate holds openings until they are let go on.
type gate struct {
	mu      sync.Mutex // guards the fields below
	openers []nkv.Instance
	held    []func(func())
	count   int // of openings that were answered
}

func (g *gate) ask(_ wire.Table, opener nkv.Instance, proceed func(func())) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.openers, g.held = append(g.openers, opener), append(g.held, proceed)
}

func (g *gate) answered() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.count++
}

// letGo lets the oldest opening go on, when there is one.
func (g *gate) letGo() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.held) == 0 {
		return false
	}
	go g.held[0](g.answered)
	g.held = g.held[1:]
	return true
}

// An opening waits for the gate, and nothing else does.
func TestGate(t *testing.T) {
	g := &gate{}
	s, err := Start(t.Context(), Options{Gate: g.ask})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown()
	c, err := client.Connect(t.Context(), "", client.InProcess(s), client.Name("a"), client.Timeout(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	table := wire.Table{Agent: "a", Topic: "T"}
	path := wire.Path{Table: table, Key: "k"}

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Open(ctx, table); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("an opening went past the gate: %v", err)
	}
	if _, err := c.Put(t.Context(), path, []byte("1")); err != nil { // nobody owns it yet
		t.Error(err)
	}
	for !g.letGo() { // its opener has given up; it happens all the same
		time.Sleep(time.Millisecond)
	}
	opened := make(chan *client.Publication)
	go func() {
		p, err := c.Open(t.Context(), table)
		if err != nil {
			t.Error(err)
		}
		opened <- p
	}()
	var p *client.Publication
	for p == nil {
		g.letGo()
		select {
		case p = <-opened:
		case <-time.After(time.Millisecond):
		}
	}
	if err := p.Put(t.Context(), "k", []byte("2")); err != nil {
		t.Error(err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.count < 2 {
		t.Errorf("%d openings were answered", g.count)
	}
	for _, opener := range g.openers {
		if opener.ID != s.InstanceID(c.Instance()) || opener.Agent != "a" {
			t.Errorf("opener %+v", opener)
		}
	}
}
