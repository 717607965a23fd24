package diag

import (
	"context"
	"io"
	"slices"
	"time"

	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/pkg/agent"
)

// progressEvery is the shortest time between two lines that tell of the same
// download's progress and nothing else.
const progressEvery = time.Second

// lineView shows one line per change. Of a download's progress it leaves some
// out, but never the last.
type lineView struct {
	opts  Options
	after func(d time.Duration, do func()) // calls do in the event loop
	end   context.CancelCauseFunc
	told  map[string]time.Time // when progress of a download was told last
	held  map[string]change    // progress that is to be told
	err   error
}

func newLineView(a *agent.Agent, opts Options, end context.CancelCauseFunc) *lineView {
	return &lineView{
		opts: opts, end: end, told: map[string]time.Time{}, held: map[string]change{},
		after: func(d time.Duration, do func()) { a.After("progress", d, func(context.Context) { do() }) },
	}
}

func (v *lineView) start() error { return nil }

func (v *lineView) changed(c change) {
	if _, ok := c.of().(types.DownloaderStatus); !ok {
		v.tell(c)
		return
	}
	before, held := v.held[c.key]
	if held {
		c.old = before.old // what was left out is told with this
	}
	if !progress(c) {
		delete(v.held, c.key)
		delete(v.told, c.key)
		v.tell(c)
		return
	}
	told, ok := v.told[c.key]
	since := v.opts.Now().Sub(told)
	switch {
	case held:
		v.held[c.key] = c
	case ok && since >= 0 && since < progressEvery:
		v.held[c.key] = c
		v.after(progressEvery-since, func() { v.flush(c.key) })
	default:
		v.tellProgress(c)
	}
}

// of is the value that a change is about.
func (c change) of() any {
	if c.now == nil {
		return c.old
	}
	return c.now
}

// progress reports whether a change of a download tells of nothing but how far
// it has come.
func progress(c change) bool {
	now, ok := c.now.(types.DownloaderStatus)
	old, modified := c.old.(types.DownloaderStatus)
	if !ok || !modified || now.State != types.DownloadRunning {
		return false
	}
	return now.State == old.State && now.URL == old.URL && now.Failures == old.Failures && now.SHA256 == old.SHA256 &&
		now.ResumedBytes == old.ResumedBytes && now.TotalBytes == old.TotalBytes &&
		now.Problem == old.Problem && now.RetryAt.Equal(old.RetryAt) && sameRequest(now.Request, old.Request)
}

func sameRequest(a, b types.DownloaderConfig) bool {
	if !slices.Equal(a.DatastoreIDs, b.DatastoreIDs) {
		return false
	}
	a.DatastoreIDs, b.DatastoreIDs = nil, nil
	return a.ContentID == b.ContentID && a.DisplayName == b.DisplayName && a.RelativeURL == b.RelativeURL &&
		a.SHA256 == b.SHA256 && a.MaxSizeBytes == b.MaxSizeBytes && a.Target == b.Target && a.Attempt == b.Attempt
}

// flush tells of a download's progress that was held back.
func (v *lineView) flush(key string) {
	if c, ok := v.held[key]; ok {
		v.tellProgress(c)
	}
}

func (v *lineView) tellProgress(c change) {
	delete(v.held, c.key)
	v.told[c.key] = v.opts.Now()
	v.tell(c)
}

func (v *lineView) tell(c change) {
	v.write(Line(v.opts.Now(), c.op, c.table, c.key, c.now, c.old))
}

func (v *lineView) completed() {
	v.write(v.opts.Now().UTC().Format("15:04:05.000") + " = all tables were read completely")
}

func (v *lineView) write(line string) {
	if v.err != nil {
		return
	}
	if v.opts.ASCII {
		line = ascii(line)
	}
	if _, v.err = io.WriteString(v.opts.Out, line+"\n"); v.err != nil {
		v.end(v.err)
	}
}

func (v *lineView) close() error {
	keys := []string{}
	for key := range v.held {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		v.flush(key)
	}
	return v.err
}
