package downloader

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/agents/wanted"
	"github.com/evenkv/nkv/pkg/agent"
)

// publishTimeout is how long the publisher waits for the server to acknowledge.
// Meanwhile what is to be said next is replaced by what is newer. What was not
// acknowledged the publication sends when it can.
const publishTimeout = 30 * time.Second

// publisher hands statuses to the server in a goroutine of its own, so that
// nobody waits for it. Of each key only the latest is kept.
type publisher struct {
	pub   *agent.Publication[types.DownloaderStatus]
	log   logrus.FieldLogger
	began wanted.Restart
	wake  chan struct{} // holds a token when there is something to say

	mu      sync.Mutex                         // guards the fields below
	waiting map[string]*types.DownloaderStatus // nil: the key is to go
	ready   bool                               // all was said that was known at the start
}

func newPublisher(pub *agent.Publication[types.DownloaderStatus], log logrus.FieldLogger) *publisher {
	return &publisher{pub: pub, log: log, wake: make(chan struct{}, 1), waiting: map[string]*types.DownloaderStatus{}}
}

// set wants a key to be a status; nil: to be gone. It never blocks.
func (p *publisher) set(key string, status *types.DownloaderStatus) {
	p.mu.Lock()
	p.waiting[key] = status
	p.mu.Unlock()
	p.signal()
}

// tell has the readers told that all was said that was known at the start.
func (p *publisher) tell() {
	p.mu.Lock()
	p.ready = true
	p.mu.Unlock()
	p.signal()
}

func (p *publisher) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run says what there is to say until ctx is done.
func (p *publisher) run(ctx context.Context) {
	for {
		select {
		case <-p.wake:
			p.say(ctx)
		case <-ctx.Done():
			return
		}
	}
}

func (p *publisher) say(parent context.Context) {
	p.mu.Lock()
	waiting, ready := p.waiting, p.ready
	p.waiting = map[string]*types.DownloaderStatus{}
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(parent, publishTimeout)
	defer cancel()
	put := map[string]types.DownloaderStatus{}
	for _, key := range slices.Sorted(maps.Keys(waiting)) {
		if status := waiting[key]; status != nil {
			put[key] = *status
			continue
		}
		if err := p.pub.Unpublish(ctx, key); err != nil && !errors.Is(err, agent.ErrNotFound) && !pending(err) {
			p.refused(parent, err)
		}
	}
	var r wanted.Result
	wanted.Put(ctx, p.pub, put, &r)
	for _, err := range r.Refused {
		p.refused(parent, err)
	}
	if ready {
		p.began.Tell(ctx, p.log, p.pub)
	}
}

func (p *publisher) refused(ctx context.Context, err error) {
	if ctx.Err() == nil { // else the agent ends
		p.log.WithError(err).Error("a status is not published")
	}
}

// pending reports whether the publication goes on trying after this error.
func pending(err error) bool {
	return errors.Is(err, agent.ErrUnconfirmed) || errors.Is(err, agent.ErrUnavailable) ||
		errors.Is(err, agent.ErrDisconnected) || errors.Is(err, agent.ErrTableOwned)
}
