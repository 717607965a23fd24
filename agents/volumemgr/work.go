package volumemgr

import (
	"context"
	"errors"
	"io/fs"

	"github.com/evenkv/nkv/agents/types"
)

// job is work on a file.
type job struct {
	cancel  context.CancelFunc
	removes bool
}

// begin does work on a file in a goroutine, and then done in the event loop,
// unless the file is being worked on already. Of what was cancelled done gets
// context.Canceled.
func (m *Agent) begin(parent context.Context, path string, removes bool, work func(ctx context.Context) error, done func(err error)) {
	if m.busy[path] != nil {
		return
	}
	ctx, cancel := context.WithCancel(parent)
	m.busy[path] = &job{cancel, removes}
	m.work.Go(func() {
		defer cancel()
		err := work(ctx)
		m.agent.Do("work on a file is done", func(context.Context) { //nolint:errcheck // the agent ended: nobody waits
			delete(m.busy, path)
			done(err)
			m.loop.Soon()
		})
	})
}

// inTurn does work when fewer files than may be are read or written.
func (m *Agent) inTurn(ctx context.Context, work func() error) error {
	select {
	case m.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-m.slots }()
	return work()
}

// cancel ends the reading and writing of files that are not wanted any more.
func (m *Agent) cancel(p plan) {
	needed := make(map[string]bool, len(p.check)+len(p.layOut))
	for _, download := range p.check {
		needed[download.Request.Target] = true
	}
	for _, file := range p.layOut {
		needed[file.path] = true
	}
	for path, j := range m.busy {
		if !j.removes && !needed[path] {
			j.cancel()
		}
	}
}

// size is that of a file; false: it is not there, or not for long.
func (m *Agent) size(path string) (int64, bool) {
	if j := m.busy[path]; j != nil && j.removes {
		return 0, false
	}
	return size(path)
}

// check reads a file that downloader says is complete.
func (m *Agent) check(ctx context.Context, download types.DownloaderStatus) {
	request := download.Request
	c := checked{request: request, sha256: download.SHA256}
	m.begin(ctx, request.Target, false, func(ctx context.Context) error {
		return m.inTurn(ctx, func() (err error) {
			c.bytes, err = check(ctx, request.Target, download.SHA256)
			return err
		})
	}, func(err error) {
		m.rooms[0].due = true // it may be unwanted meanwhile
		if errors.Is(err, context.Canceled) {
			return
		}
		if err != nil {
			m.damaged(&c, err)
		}
		m.facts.checked[request.ContentID] = c
	})
}

// damaged has content fetched anew: at once the first time, and after ever longer
// pauses when what comes is damaged again and again.
func (m *Agent) damaged(c *checked, err error) {
	id := c.request.ContentID
	c.damaged, c.times = err.Error(), 1
	if before := m.facts.checked[id]; before.damaged != "" && before.request.Target == c.request.Target {
		c.times += before.times
	}
	log := m.log.WithError(err).WithField("content", id)
	if c.times == 1 {
		log.Warn("downloaded content is fetched anew")
		return
	}
	pause := min(retryMost, retryPause<<min(c.times-2, 10))
	log.Errorf("downloaded content was damaged %d times in a row; it is fetched anew in %s", c.times, pause)
	c.rests = true
	attempt := c.request
	m.agent.After("fetch content anew", pause, func(context.Context) {
		if now, ok := m.facts.checked[id]; ok && now.request.Target == attempt.Target && now.request.Attempt == attempt.Attempt {
			now.rests = false
			m.facts.checked[id] = now
			m.loop.Soon()
		}
	})
}

// layOut makes a volume.
func (m *Agent) layOut(ctx context.Context, file volumeFile) {
	m.begin(ctx, file.path, false, func(ctx context.Context) error {
		return m.inTurn(ctx, func() error { return layOut(ctx, file) })
	}, func(err error) {
		m.rooms[1].due = true // likewise
		log := m.log.WithField("volume", file.volume)
		switch {
		case err == nil:
			log.Info("a volume is laid out")
			delete(m.facts.failed, file.volume)
		case errors.Is(err, context.Canceled):
		case file.content != "" && errors.Is(err, fs.ErrNotExist):
			delete(m.facts.checked, file.content) // its content went away
		default:
			if errors.Is(err, ErrDamaged) {
				delete(m.facts.checked, file.content)
			}
			log.WithError(err).Errorf("a volume can't be laid out; again in %s", retryPause)
			m.failed(file, err)
		}
	})
}

func (m *Agent) failed(file volumeFile, err error) {
	failed := &failure{file: file, text: err.Error()}
	m.facts.failed[file.volume] = failed
	m.agent.After("lay out a volume again", retryPause, func(context.Context) {
		failed.due = true
		m.loop.Soon()
	})
}
