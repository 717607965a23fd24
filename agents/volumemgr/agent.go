package volumemgr

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
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
	// retryPause is the time between two tries to lay out a volume.
	retryPause = 10 * time.Second
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

	busy  map[string]bool // files that are being read or written, by path
	slots chan struct{}   // a token for each that may be
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
	m := &Agent{log: opts.Logger, agent: a, busy: map[string]bool{}, slots: make(chan struct{}, parallel)}
	m.facts = facts{directory: directory, checked: map[string]checked{}, failed: map[string]failure{}, size: size}
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
	m.facts.downloads = m.loads.Values
	return errors.Join(errs[:]...)
}

// converge publishes how everything stands, begins what is missing, and removes
// what is not wanted any more.
func (m *Agent) converge(parent context.Context) {
	f := &m.facts
	f.told = m.loads.Complete()
	f.now = time.Now().UTC().Round(0)
	f.requests = maps.Collect(m.requests.All())
	f.contentStatus = maps.Collect(m.contents.All())
	f.volumeStatus = maps.Collect(m.volumes.All())
	p := f.plan()
	m.publish(parent, p)
	for _, download := range p.check {
		m.check(parent, download)
	}
	for _, file := range p.layOut {
		m.layOut(parent, file)
	}
	m.sweep(p)
}

func (m *Agent) publish(parent context.Context, p plan) {
	ctx, cancel := context.WithTimeout(parent, publishTimeout)
	defer cancel()
	var r wanted.Result
	wanted.Put(ctx, m.requests, p.requests, &r)
	wanted.Put(ctx, m.contents, p.contentTrees, &r)
	wanted.Put(ctx, m.volumes, p.volumes, &r)
	wanted.Prune(ctx, m.volumes, p.volumes, &r)
	wanted.Prune(ctx, m.contents, p.contentTrees, &r)
	wanted.Prune(ctx, m.requests, p.requests, &r)
	for _, err := range r.Refused {
		m.log.WithError(err).Error("a request or a status is not published")
	}
	m.began.Tell(ctx, m.log, m.requests, m.contents, m.volumes)
}

// begin does work on a file in a goroutine, and then done in the event loop,
// unless the file is being worked on already.
func (m *Agent) begin(ctx context.Context, path string, work func() error, done func(err error)) {
	if m.busy[path] {
		return
	}
	m.busy[path] = true
	m.work.Go(func() {
		select {
		case m.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		err := work()
		<-m.slots
		if ctx.Err() != nil {
			return
		}
		m.agent.Do("work on a file is done", func(context.Context) { //nolint:errcheck // the agent ended: nobody waits
			delete(m.busy, path)
			done(err)
			m.loop.Soon()
		})
	})
}

// check reads a file that downloader says is complete.
func (m *Agent) check(ctx context.Context, download types.DownloaderStatus) {
	request := download.Request
	c := checked{request: request, sha256: download.SHA256}
	m.begin(ctx, request.Target, func() (err error) {
		c.bytes, _, err = check(ctx, request.Target, download.SHA256)
		return err
	}, func(err error) {
		if err != nil {
			m.log.WithError(err).WithField("content", request.ContentID).Warn("downloaded content is fetched anew")
		}
		c.damaged = err != nil
		m.facts.checked[request.ContentID] = c
	})
}

// layOut makes a volume.
func (m *Agent) layOut(ctx context.Context, file volumeFile) {
	var bytes int64
	m.begin(ctx, file.path, func() (err error) {
		bytes, err = layOut(ctx, file.path, file.from, file.bytes)
		return err
	}, func(err error) {
		log := m.log.WithField("volume", file.key)
		switch {
		case err == nil:
			log.WithField("bytes", bytes).Info("a volume is laid out")
		case file.from != "" && errors.Is(err, fs.ErrNotExist):
			delete(m.facts.checked, file.content) // its content went away
		default:
			log.WithError(err).Errorf("a volume can't be laid out; again in %s", retryPause)
			m.facts.failed[file.key] = failure{err.Error(), time.Now().Add(retryPause)}
			m.agent.After("lay out a volume again", retryPause, func(context.Context) {
				delete(m.facts.failed, file.key)
				m.loop.Soon()
			})
		}
	})
}

// sweep removes the files that nobody wants. Whether a file is still needed only
// downloader and zedmanager know, when they have told all they know.
func (m *Agent) sweep(p plan) {
	d := m.facts.directory
	if m.loads.Complete() {
		keep := map[string]bool{}
		for _, r := range p.requests {
			keep[filepath.Base(r.Target)] = true
		}
		for _, s := range m.loads.Values {
			keep[filepath.Base(s.Request.Target)] = true // downloader has not let go of it
		}
		m.remove(d.contents(), keep)
	}
	if m.uses.Complete() {
		keep := map[string]bool{}
		for _, v := range m.facts.volumes {
			keep[fileName(v.VolumeID, v.GenerationCounter)] = true
		}
		for _, u := range m.uses.Values {
			keep[fileName(u.VolumeID, u.GenerationCounter)] = true
		}
		m.remove(d.volumes(), keep)
	}
	for id := range m.facts.checked {
		if _, wanted := p.requests[id]; !wanted {
			delete(m.facts.checked, id)
		}
	}
}

func (m *Agent) remove(dir string, keep map[string]bool) {
	removed, err := sweep(dir, func(name string) bool { return keep[name] })
	if err != nil {
		m.log.WithError(err).Error("files that nobody wants can't be removed")
	}
	for _, path := range removed {
		m.log.WithField("file", path).Info("a file that nobody wants is removed")
	}
}
