package volumemgr

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/agents/converge"
	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/agents/wanted"
	"github.com/evenkv/nkv/pkg/agent"
)

const (
	// publishTimeout is how long the agent waits for the server to acknowledge
	// what it publishes at once. The publications send the rest when they can.
	publishTimeout = 5 * time.Second
	// retryPause is the time between two tries to lay out a volume, to remove
	// files, and to fetch content anew that was damaged twice; that last one
	// doubles up to retryMost.
	retryPause = 10 * time.Second
	retryMost  = 10 * time.Minute
	// parallel is how many files are read or written at once: more would only
	// make the disk seek.
	parallel = 2
)

// Options configure the agent.
type Options struct {
	// Directory is where content and volumes lie; required. It is made when it
	// is not there, and belongs to the agent: what is not wanted in it is
	// removed.
	Directory string
	// Logger gets what people should know; required. Values are never logged.
	Logger logrus.FieldLogger
}

// Agent makes the volumes. It belongs to the event loop of its agent.Agent, but
// for work.
type Agent struct {
	log   logrus.FieldLogger
	agent *agent.Agent
	loop  *converge.Loop
	facts facts
	uses  *converge.Table[types.VolumeUse]
	loads *converge.Table[types.DownloaderStatus]

	requests *agent.Publication[types.DownloaderConfig]
	contents *agent.Publication[types.ContentTreeStatus]
	volumes  *agent.Publication[types.VolumeStatus]
	began    wanted.Restart

	rooms [2]room         // content and volumes
	busy  map[string]*job // work on files, by path
	slots chan struct{}   // a token for each file that may be read or written
	work  sync.WaitGroup
}

// Run makes volumes until ctx is done, with an agent that was connected under the
// name "volumemgr"; then it returns nil and the agent is closed. It waits for the
// server, and for another volumemgr to leave. Nothing is published, made or
// removed before zedagent has told that its tables are complete.
func Run(ctx context.Context, a *agent.Agent, opts Options) error {
	defer a.Close()
	switch {
	case opts.Directory == "":
		return fmt.Errorf("%w: Directory is empty; name the directory of the volumes", ErrInvalidOption)
	case opts.Logger == nil:
		return fmt.Errorf("%w: Logger is nil", ErrInvalidOption)
	}
	directory, err := OpenDirectory(opts.Directory)
	if err != nil {
		return err
	}
	m := &Agent{log: opts.Logger, agent: a, busy: map[string]*job{}, slots: make(chan struct{}, parallel)}
	m.rooms = [2]room{{dir: directory.contents(), parts: true}, {dir: directory.volumes()}}
	m.facts = facts{directory: directory, checked: map[string]checked{}, failed: map[string]*failure{}, size: m.size}
	m.loop = converge.New(a, "make volumes", m.converge)
	if err := m.open(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // told to end while waiting
		}
		return err
	}
	working, stop := context.WithCancel(ctx)
	defer m.work.Wait()
	defer stop()
	if err := m.follow(working); err != nil {
		return err
	}
	return a.Run(working)
}

// open becomes the owner of the agent's tables.
func (m *Agent) open(ctx context.Context) error {
	var errs [3]error
	m.requests, errs[0] = wanted.Open(ctx, m.agent, topics.DownloaderConfig, m.log)
	m.contents, errs[1] = wanted.Open(ctx, m.agent, topics.ContentTreeStatus, m.log)
	m.volumes, errs[2] = wanted.Open(ctx, m.agent, topics.VolumeStatus, m.log)
	return errors.Join(errs[:]...)
}

func (m *Agent) follow(ctx context.Context) error {
	var errs [4]error
	m.facts.volumes, errs[0] = converge.Follow(ctx, m.loop, topics.VolumeConfig)
	m.facts.contentTrees, errs[1] = converge.Follow(ctx, m.loop, topics.ContentTreeConfig)
	m.loads, errs[2] = converge.FollowOptional(ctx, m.loop, topics.DownloaderStatus)
	m.uses, errs[3] = converge.FollowOptional(ctx, m.loop, topics.VolumeUse)
	m.loads.Same = sameDownload
	m.facts.downloads = m.loads.Values
	return errors.Join(errs[:]...)
}

// sameDownload reports whether only the numbers of bytes differ.
func sameDownload(a, b types.DownloaderStatus) bool {
	a.CurrentBytes, a.TotalBytes, a.ResumedBytes, a.URL = b.CurrentBytes, b.TotalBytes, b.ResumedBytes, b.URL
	return reflect.DeepEqual(a, b)
}

// converge publishes how everything stands, begins what is missing, and removes
// what is not wanted any more.
func (m *Agent) converge(parent context.Context) {
	f := &m.facts
	f.told = m.loads.Complete()
	f.now = time.Now().UTC().Round(0)
	if f.requests == nil {
		f.requests = maps.Collect(m.requests.All())
		f.contentStatus = maps.Collect(m.contents.All())
		f.volumeStatus = maps.Collect(m.volumes.All())
	}
	p := f.plan()
	m.publish(parent, p)
	f.requests, f.contentStatus, f.volumeStatus = p.requests, p.contentTrees, p.volumes
	m.cancel(p)
	for _, download := range p.check {
		m.check(parent, download)
	}
	for _, file := range p.layOut {
		m.layOut(parent, file)
	}
	m.sweep(parent, p)
	m.forget(p)
}

// forget forgets what was found out of what is not configured any more.
func (m *Agent) forget(p plan) {
	f := &m.facts
	maps.DeleteFunc(f.checked, func(id string, _ checked) bool { _, wanted := p.requests[id]; return !wanted })
	maps.DeleteFunc(f.failed, func(id string, _ *failure) bool { _, wanted := p.volumes[id]; return !wanted })
}

func (m *Agent) publish(parent context.Context, p plan) {
	ctx, cancel := context.WithTimeout(parent, publishTimeout)
	defer cancel()
	var r wanted.Result
	wanted.Put(ctx, m.requests, wanted.Changed(m.facts.requests, p.requests), &r)
	wanted.Put(ctx, m.contents, wanted.Changed(m.facts.contentStatus, p.contentTrees), &r)
	wanted.Put(ctx, m.volumes, wanted.Changed(m.facts.volumeStatus, p.volumes), &r)
	wanted.Prune(ctx, m.volumes, p.volumes, &r)
	wanted.Prune(ctx, m.contents, p.contentTrees, &r)
	wanted.Prune(ctx, m.requests, p.requests, &r)
	for _, err := range r.Refused {
		m.log.WithError(err).Error("a request or a status is not published")
	}
	m.began.Tell(ctx, m.log, m.requests, m.contents, m.volumes)
}
