package backend

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/eve"
	"github.com/evenkv/nkv/pkg/wire"
)

// Op says what a Change tells; the numbers are those of the library's operations.
type Op byte

// The operations.
const (
	Restart Op = iota
	Sync
	Delete
	Modify
)

// Change is one change of a table.
type Change struct {
	Op    Op
	Key   string // of Restart: the restart counter, decimal
	Value []byte
}

// Deliver takes a change. It may block until done is closed.
type Deliver func(done <-chan struct{}, c Change)

// Subscriber is the reading end of a table. Its methods are for one goroutine.
type Subscriber struct {
	backend    *Backend
	settings   Settings
	name       string
	table      wire.Table
	persistent bool
	deliver    Deliver

	client    *shared
	loaded    map[string]bool // keys that Load told and no change has since
	restarted bool            // likewise: that the restart counter is not 0
	sub       *client.Subscription
	cancel    context.CancelFunc
	work      sync.WaitGroup
}

// connect makes the connection, once.
func (s *Subscriber) connect() error {
	if s.client != nil {
		return nil
	}
	c, err := s.backend.acquire(s.settings, s.settings.reader())
	s.client = c
	return err
}

// Load returns what the table holds, and its restart counter; ErrNotLoaded when the
// server does not tell in time.
func (s *Subscriber) Load() (map[string][]byte, int, error) {
	if err := s.connect(); err != nil {
		return nil, 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.client.patience(s.settings.loadWithin()))
	defer cancel()
	if err := s.client.Wait(ctx); err != nil {
		s.client.waited()
		return nil, 0, fmt.Errorf("%w: %s: %w", ErrNotLoaded, s.name, err)
	}
	info, entries, err := s.client.Snapshot(ctx, s.table)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %s: %w", ErrNotLoaded, s.name, err)
	}
	values := make(map[string][]byte, len(entries))
	for _, e := range entries {
		values[e.Path.Key] = e.Value
		s.loaded[e.Path.Key] = true
	}
	s.restarted = info.Restart != 0
	return values, int(info.Restart), nil
}

// Start begins to deliver changes and returns at once.
func (s *Subscriber) Start() error {
	if s.sub != nil {
		return nil
	}
	if err := s.connect(); err != nil {
		return err
	}
	sub, err := s.client.Subscribe(s.table.String())
	if err != nil {
		return fmt.Errorf("subscribe %s: %w", s.name, err)
	}
	s.sub = sub
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.work.Go(func() { s.run(ctx) })
	return nil
}

func (s *Subscriber) run(ctx context.Context) {
	for {
		c, ok := s.sub.Next()
		if !ok {
			if s.sub.Wait(ctx) != nil {
				return
			}
			continue
		}
		s.tell(ctx.Done(), c)
		if ctx.Err() != nil {
			return
		}
	}
}

// tell delivers what a change of the table means.
func (s *Subscriber) tell(done <-chan struct{}, c client.Change) {
	switch c.Op {
	case client.Put:
		delete(s.loaded, c.Key)
		s.deliver(done, Change{Op: Modify, Key: c.Key, Value: c.Value})
	case client.Delete:
		delete(s.loaded, c.Key)
		s.deliver(done, Change{Op: Delete, Key: c.Key})
	case client.Restarted:
		s.restarted = false
		s.deliver(done, Change{Op: Restart, Key: strconv.FormatUint(c.Info.Restart, 10)})
	case client.TableOpened:
		s.checkDurability(c.Info)
	case client.Synchronized:
		s.sweep(done)
		s.deliver(done, Change{Op: Sync, Key: "done"})
		if s.restarted && c.Info.Restart == 0 { // it was cleared between Load and Start
			s.deliver(done, Change{Op: Restart, Key: "0"})
		}
		s.restarted = false
	}
}

// sweep tells the deletion of what went between Load and Start.
func (s *Subscriber) sweep(done <-chan struct{}) {
	var gone []string
	for key := range s.loaded {
		gone = append(gone, key)
	}
	clear(s.loaded)
	slices.Sort(gone)
	for _, key := range gone {
		s.deliver(done, Change{Op: Delete, Key: key})
	}
}

// checkDurability says when the two sides do not agree. The publisher's word holds.
func (s *Subscriber) checkDurability(info wire.TableInfo) {
	if s.persistent && !info.Durable {
		s.settings.log().Errorf("the subscription to %s is persistent, but the publisher is not: "+
			"the table is empty after a reboot; declare the same on both sides", s.name)
	}
}

// Stop ends the changes; it returns when none comes any more. It is idempotent.
func (s *Subscriber) Stop() error {
	if s.sub != nil {
		s.cancel()
		s.sub.Close()
		s.work.Wait()
		s.sub = nil
	}
	if s.client != nil {
		s.backend.release(s.client)
		s.client = nil
	}
	return nil
}

// LargeDirName is where the original puts large fields. Nothing is put there:
// they travel in the value.
func (s *Subscriber) LargeDirName() string { return eve.Root("/" + s.settings.RootDir).Large() }
