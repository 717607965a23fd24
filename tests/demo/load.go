package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/evenkv/nkv/pkg/agent"
)

// Load is the value of the load: a number that only grows.
type Load struct{ Number int }

var loadTable = agent.Table[Load]{Owner: "demo-load"}

// load is an agent that publishes as fast as it can, and one that reads it, over
// the death of the server.
type load struct {
	writer, reader *agent.Agent
	stopWriting    context.CancelFunc
	stopReading    context.CancelFunc
	writing        sync.WaitGroup
	reading        sync.WaitGroup
	acknowledged   int          // the newest number that was; the writer's
	handled        atomic.Int64 // the newest number that the reader was given
	changed        chan struct{}
	failed         error // of the reader: a number that shrank; read when reading has ended
}

func startLoad(ctx context.Context, url string) (l *load, err error) {
	l = &load{changed: make(chan struct{}, 1)}
	if l.writer, err = agent.Connect(ctx, loadTable.Owner, agent.URL(url)); err != nil {
		return nil, err
	}
	if l.reader, err = agent.Connect(ctx, "demo-load-reader", agent.URL(url)); err != nil {
		return nil, err
	}
	take := func(v Load) error {
		if int64(v.Number) <= l.handled.Load() {
			l.failed = fmt.Errorf("the load's reader was given %d after %d", v.Number, l.handled.Load())
		}
		l.handled.Store(int64(v.Number))
		select {
		case l.changed <- struct{}{}:
		default:
		}
		return nil
	}
	_, err = agent.Subscribe(ctx, l.reader, loadTable, agent.Handlers[Load]{
		Create: func(_ context.Context, _ string, v Load) error { return take(v) },
		Modify: func(_ context.Context, _ string, v, _ Load) error { return take(v) },
		Delete: func(context.Context, string, Load) error {
			l.failed = fmt.Errorf("the load's reader was told of a deletion that nobody made")
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	pub, err := agent.Publish(ctx, l.writer, loadTable)
	if err != nil {
		return nil, err
	}
	writing, stopWriting := context.WithCancel(ctx)
	reading, stopReading := context.WithCancel(ctx)
	l.stopWriting, l.stopReading = stopWriting, stopReading
	l.reading.Go(func() { l.reader.Run(reading) }) //nolint:errcheck // it was not run before
	l.writing.Go(func() {
		for n := 1; writing.Err() == nil; n++ {
			if pub.Publish(writing, "load", Load{n}) == nil {
				l.acknowledged = n
			}
		}
	})
	return l, nil
}

// end stops the writer, and waits until the reader has what was acknowledged
// last. It returns how many changes were acknowledged, at the most.
func (l *load) end(ctx context.Context) (int, error) {
	l.stopWriting()
	l.writing.Wait()
	for l.handled.Load() < int64(l.acknowledged) {
		select {
		case <-l.changed:
		case <-ctx.Done():
			return 0, fmt.Errorf("the load's reader has %d; acknowledged is %d", l.handled.Load(), l.acknowledged)
		}
	}
	l.stopReading()
	l.reading.Wait()
	return l.acknowledged, l.failed
}

func (l *load) close() {
	l.stopWriting()
	l.stopReading()
	l.writer.Close()
	l.reader.Close()
	l.writing.Wait()
	l.reading.Wait()
}
