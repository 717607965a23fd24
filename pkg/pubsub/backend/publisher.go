package backend

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/evenkv/nkv/pkg/client"
	"github.com/evenkv/nkv/pkg/eve"
	"github.com/evenkv/nkv/pkg/wire"
)

// Publisher is the writing end of a table. Its methods are safe for concurrent use.
type Publisher struct {
	backend *Backend
	client  *shared
	log     Log
	name    string
	root    string
	pub     *client.Publication

	ctx    context.Context // ends with Stop
	cancel context.CancelFunc
	work   sync.WaitGroup
	once   sync.Once
}

// open begins to open the table, and waits for that a while.
func (p *Publisher) open(table wire.Table, persistent bool, within time.Duration) error {
	p.ctx, p.cancel = context.WithCancel(context.Background())
	var opts []client.OpenOption
	if persistent {
		opts = append(opts, client.DurableTable())
	}
	pub, err := p.client.OpenLater(table, opts...)
	if err != nil {
		return fmt.Errorf("publish %s: %w", p.name, err)
	}
	p.pub = pub
	ctx, cancel := context.WithTimeout(p.ctx, p.client.patience(within))
	defer cancel()
	err = pub.Wait(ctx)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		p.client.waited()
	case err != nil:
		p.close() //nolint:errcheck // nothing was published
		return fmt.Errorf("publish %s: %w", p.name, err)
	}
	return nil
}

// Start does nothing: the table is open, or will be.
func (p *Publisher) Start() error { return nil }

// Load returns what the table holds, and its restart counter; ErrNotLoaded when
// that is not known yet.
func (p *Publisher) Load() (map[string][]byte, int, error) {
	select {
	case <-p.pub.Opened():
		return maps.Collect(p.pub.All()), int(p.pub.Restarts()), nil
	default:
		return nil, 0, fmt.Errorf("%w: the table of %s is not open yet", ErrNotLoaded, p.name)
	}
}

// LoadLater calls ready, once, when Load knows what the table holds.
func (p *Publisher) LoadLater(ready func()) {
	p.work.Go(func() {
		select {
		case <-p.pub.Opened():
			ready()
		case <-p.ctx.Done():
		}
	})
}

// Publish makes key be item and returns when the server has acknowledged it. While
// the server is away it returns at once, without an error, and the value is sent
// when it is back.
func (p *Publisher) Publish(key string, item []byte) error {
	if len(item) == 0 {
		return refusal{fmt.Errorf("%w: publish %s/%s", ErrEmpty, p.name, key)}
	}
	return p.settled(key, func(ctx context.Context) error { return p.pub.Put(ctx, key, item) })
}

// Unpublish makes key be gone, likewise.
func (p *Publisher) Unpublish(key string) error {
	return p.settled(key, func(ctx context.Context) error { return p.pub.Delete(ctx, key) })
}

// Restart sets the restart counter, after all that was published before, likewise.
func (p *Publisher) Restart(restartCounter int) error {
	return p.settled("restarted", func(ctx context.Context) error {
		return p.pub.Restarted(ctx, uint64(max(0, restartCounter)))
	})
}

// settled makes a change; that it is not acknowledged yet is no error.
func (p *Publisher) settled(what string, change func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(p.ctx, answerWithin)
	defer cancel()
	if p.client.Connected() != nil {
		cancel() // the change is noted all the same
	}
	err := change(ctx)
	if errors.Is(err, client.ErrUnconfirmed) {
		p.log.Functionf("%s/%s is sent when the server is there: %v", p.name, what, err)
		return nil
	}
	return judge(err)
}

// Stop gives the table up; its keys stay. What was not sent yet it sends if that can
// be soon; otherwise it is lost, and the error is client.ErrUnconfirmed. It is
// idempotent.
func (p *Publisher) Stop() (err error) {
	p.once.Do(func() {
		err = p.close()
		p.backend.release(p.client)
	})
	return err
}

func (p *Publisher) close() error {
	err := p.within(p.pub.Flush)
	if err != nil {
		err = fmt.Errorf("the end of %s: %w; publish again what must not be lost", p.name, err)
		p.log.Errorf("%v", err)
	}
	if err := p.within(p.pub.Close); err != nil {
		p.log.Noticef("%s is free for another instance after its owner's grace: %v", p.name, err)
	}
	p.cancel()
	p.work.Wait()
	return err
}

func (p *Publisher) within(do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	return do(ctx)
}

// CheckMaxSize returns client.ErrTooLarge when the server would not take a value
// for its size.
func (p *Publisher) CheckMaxSize(key string, val []byte) error {
	if most := p.client.MaxValue(); most > 0 && len(val) > most {
		return fmt.Errorf("%w: %s/%s has %d bytes; the server takes %d at the most", client.ErrTooLarge, p.name, key, len(val), most)
	}
	return nil
}

// LargeDirName is where the original puts large fields. Nothing is put there:
// they travel in the value.
func (p *Publisher) LargeDirName() string { return eve.Root("/" + p.root).Large() }
