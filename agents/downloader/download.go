package downloader

import (
	"context"
	"path/filepath"
	"reflect"
	"time"

	"github.com/evenkv/nkv/agents/types"
)

// stage is what is to be done next for a download.
type stage int

const (
	unprepared stage = iota // look what files are there
	blocked                 // another request has the same target
	queued                  // fetch it when others are done
	waiting                 // try again when that is due
	complete                // nothing
)

// job is work for a download outside the event loop.
type job struct {
	cancel    context.CancelFunc
	abandoned bool      // its outcome does not count any more
	progress  *progress // nil: it does not fetch
}

// download is what the agent knows of a request. It belongs to the event loop.
type download struct {
	key   string
	plan  plan
	gone  bool // the request is not there any more
	order uint64
	stage stage
	job   *job // nil: none runs

	// unwanted are files that must go before a status of the present request is
	// published: a later instance would take them for that request's.
	unwanted litter
	fresh    bool // nothing was found out yet since the agent's start

	pauses   int // since the last try that brought anything
	failedAt time.Time
	due      time.Time // when stage is waiting

	status types.DownloaderStatus
	held   bool // status is not to be published yet
	told   *types.DownloaderStatus
	toldAt time.Time
}

// newDownload takes up a request. Former is what a former instance published of
// it; nil: nothing.
func newDownload(key string, p plan, former *types.DownloaderStatus) *download {
	d := &download{key: key, plan: p, unwanted: litter{}}
	switch {
	case former == nil:
		d.status = types.DownloaderStatus{Request: p.request, State: types.DownloadQueued}
	case reflect.DeepEqual(former.Request, p.request):
		d.status, d.held = *former, true
		d.told = former
	default:
		d.told = former
		d.discard(former.Request)
		d.restart()
	}
	return d
}

// replan takes up a request that changed, or whose datastores did.
func (d *download) replan(p plan) {
	before, back := d.plan.request, d.gone
	same := reflect.DeepEqual(before, p.request)
	d.plan, d.gone = p, false
	if same && !back && d.stage == complete {
		return // where it came from does not matter any more
	}
	d.abandon()
	if !same {
		d.discard(before)
	}
	d.restart()
}

// restart begins anew; what is published stands until it is known what files
// are there.
func (d *download) restart() {
	d.stage, d.pauses, d.held = unprepared, 0, true
	d.status = types.DownloaderStatus{Request: d.plan.request, State: types.DownloadQueued}
}

// discard notes which files of an earlier request are not wanted for the
// present one. A part is kept for the same target: its mark says what it is of.
func (d *download) discard(before types.DownloaderConfig) {
	now := d.plan.request
	switch {
	case usable(before.Target) != nil:
	case claimed(before.Target) != claimed(now.Target):
		d.litter(before.Target, false)
	case now.Attempt > before.Attempt, now.SHA256 == "" && !samePlace(now, before):
		d.litter(before.Target, true)
	}
}

func (d *download) litter(target string, whole bool) {
	target = claimed(target)
	d.unwanted[target] = d.unwanted[target] || whole
}

// leave takes leave of a request that is gone.
func (d *download) leave() {
	d.gone = true
	d.abandon()
	if target := d.plan.request.Target; usable(target) == nil {
		d.litter(target, false)
	}
}

// abandon cancels the job that runs.
func (d *download) abandon() {
	if d.job != nil {
		d.job.abandoned = true
		d.job.cancel()
	}
}

// samePlace reports whether two requests are for content from the same place.
func samePlace(a, b types.DownloaderConfig) bool {
	return a.RelativeURL == b.RelativeURL && reflect.DeepEqual(a.DatastoreIDs, b.DatastoreIDs)
}

// claimed is the form of a target that tells targets apart.
func claimed(target string) string { return filepath.Clean(target) }

// take takes over how far the fetching job has come.
func (d *download) take(n numbers) {
	if n.url != "" {
		d.status.URL = n.url
	}
	d.status.TotalBytes, d.status.CurrentBytes, d.status.ResumedBytes = n.total, n.current, n.resumed
}

// queue notes that there is something to fetch.
func (d *download) queue() {
	d.stage = queued
	s := &d.status
	s.RetryAt, s.SHA256 = time.Time{}, ""
	if s.State == types.DownloadComplete { // by a former instance
		s.TotalBytes, s.CurrentBytes, s.ResumedBytes = 0, 0, 0
	}
}

// finish notes that the target is there.
func (d *download) finish(f *file) {
	d.stage, d.pauses = complete, 0
	s := &d.status
	s.State, s.SHA256 = types.DownloadComplete, f.sha256
	s.TotalBytes, s.CurrentBytes = f.size, f.size
	s.Failures, s.RetryAt, s.Problem = 0, time.Time{}, types.Problem{}
}

// fail notes that a try failed; it is made again after pause.
func (d *download) fail(problem types.Problem, pause time.Duration) {
	now := time.Now()
	d.stage, d.failedAt, d.due = waiting, now, now.Add(pause)
	d.pauses++
	problem.When = inUTC(now)
	s := &d.status
	s.State, s.SHA256 = types.DownloadFailed, ""
	s.Failures++
	s.RetryAt, s.Problem = inUTC(d.due), problem.Since(s.Problem)
}

// inUTC returns a time as it comes back from JSON.
func inUTC(t time.Time) time.Time { return t.UTC().Round(0) }
