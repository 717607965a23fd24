package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/pkg/agent"
)

// loadWatch counts downloads with an agent of its own.
type loadWatch struct {
	agent *agent.Agent
	done  sync.WaitGroup

	mu    sync.Mutex // guards the fields below
	whole map[string]bool
	loadCounts
}

// loadCounts is what became of downloads.
type loadCounts struct {
	complete int   // files
	bytes    int64 // of those
	resumed  int   // tries that went on where one before had ended
	failed   int   // tries
}

func watchLoads(ctx context.Context, url string) (*loadWatch, error) {
	w := &loadWatch{whole: map[string]bool{}}
	var err error
	if w.agent, err = agent.Connect(ctx, "demo-loads", agent.URL(url)); err != nil {
		return nil, err
	}
	_, err = agent.Subscribe(ctx, w.agent, topics.DownloaderStatus, agent.Handlers[types.DownloaderStatus]{
		Create: func(_ context.Context, _ string, s types.DownloaderStatus) error {
			w.take(s, types.DownloaderStatus{})
			return nil
		},
		Modify: func(_ context.Context, _ string, s, old types.DownloaderStatus) error {
			w.take(s, old)
			return nil
		},
	})
	if err != nil {
		w.agent.Close()
		return nil, err
	}
	w.done.Go(func() { w.agent.Run(context.WithoutCancel(ctx)) }) //nolint:errcheck // it was not run before
	return w, nil
}

func (w *loadWatch) take(s, old types.DownloaderStatus) {
	w.mu.Lock()
	defer w.mu.Unlock()
	file := fmt.Sprint(s.Request.Target, " ", s.Request.Attempt)
	if s.State == types.DownloadComplete && !w.whole[file] {
		w.whole[file] = true
		w.complete++
		w.bytes += s.TotalBytes
	}
	if s.ResumedBytes > 0 && s.ResumedBytes != old.ResumedBytes {
		w.resumed++
	}
	if s.Failures > old.Failures {
		w.failed++
	}
}

func (w *loadWatch) counts() loadCounts {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.loadCounts
}

func (w *loadWatch) close() {
	w.agent.Close()
	w.done.Wait()
}
