package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/pkg/agent"
)

// statusWatch judges every status that it is told, whoever was killed when, with
// an agent of its own. Events of different tables have no common order, so a
// status is compared with itself, with what was told of its key before, with the
// content that the demo knows, and with the system's processes.
type statusWatch struct {
	agent *agent.Agent
	known *known
	apps  *appWatch
	done  sync.WaitGroup

	mu    sync.Mutex // guards the fields below
	seen  int        // statuses, in all
	wrong error      // the first that was
	// oldest is the oldest generation that may still be told, by table and key.
	oldest map[string]int64
	// work is what is being done, by table and key.
	work map[string]string
}

func watchStatuses(ctx context.Context, url string, k *known, apps *appWatch) (*statusWatch, error) {
	w := &statusWatch{known: k, apps: apps, oldest: map[string]int64{}, work: map[string]string{}}
	var err error
	if w.agent, err = agent.Connect(ctx, "demo-statuses", agent.URL(url)); err != nil {
		return nil, err
	}
	err = firstError(
		judge(ctx, w, topics.DownloaderStatus, w.download),
		judge(ctx, w, topics.ContentTreeStatus, w.contentTree),
		judge(ctx, w, topics.VolumeStatus, w.volume),
		judge(ctx, w, topics.DomainStatus, w.domain),
		judge(ctx, w, topics.AppInstanceStatus, w.app),
	)
	if err != nil {
		w.agent.Close()
		return nil, err
	}
	w.done.Go(func() { w.agent.Run(context.WithoutCancel(ctx)) }) //nolint:errcheck // it was not run before
	return w, nil
}

// judge has a function judge each value of a table. It says what is being done,
// too; empty: nothing is.
func judge[T any](ctx context.Context, w *statusWatch, table agent.Table[T], do func(key string, v T) (work string, err error)) error {
	take := func(key string, v T) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.seen++
		work, err := do(key, v)
		if err != nil && w.wrong == nil {
			w.wrong = fmt.Errorf("status %q of table %s: %w", key, table, err)
		}
		if w.work[table.String()+" "+key] = work; work == "" {
			delete(w.work, table.String()+" "+key)
		}
		return nil
	}
	_, err := agent.Subscribe(ctx, w.agent, table, agent.Handlers[T]{
		Create: func(_ context.Context, key string, v T) error { return take(key, v) },
		Modify: func(_ context.Context, key string, v, _ T) error { return take(key, v) },
		Delete: func(_ context.Context, key string, _ T) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			delete(w.work, table.String()+" "+key)
			return nil
		},
	})
	return err
}

// generation refuses one that is older than what was told before.
func (w *statusWatch) generation(name string, n int64) error {
	if oldest, ok := w.oldest[name]; ok && n < oldest {
		return fmt.Errorf("it is of generation %d; generation %d was told before", n, oldest)
	}
	w.oldest[name] = n
	return nil
}

// sound refuses an error that does not say what is wrong.
func sound(state types.SwState, problem types.Problem) error {
	if state == types.StateError && (problem.What == "" || problem.When.IsZero()) {
		return fmt.Errorf("it is %s and does not say why, or since when: %+v", state, problem)
	}
	return nil
}

func (w *statusWatch) download(key string, s types.DownloaderStatus) (work string, err error) {
	if s.State == types.DownloadRunning {
		work = "download"
	}
	want, ok := w.known.content(key)
	switch {
	case !ok:
		return work, errors.New("no configuration has such a content tree")
	case s.State == types.DownloadComplete && (s.CurrentBytes != want.bytes || s.SHA256 != want.sha256):
		return work, fmt.Errorf("it is complete with %d bytes, SHA-256 %s", s.CurrentBytes, s.SHA256)
	case s.TotalBytes > 0 && s.CurrentBytes > s.TotalBytes:
		return work, fmt.Errorf("it has %d of %d bytes", s.CurrentBytes, s.TotalBytes)
	case s.State == types.DownloadFailed && s.Problem.What == "":
		return work, errors.New("it failed and does not say why")
	}
	return work, nil
}

func (w *statusWatch) contentTree(key string, s types.ContentTreeStatus) (work string, err error) {
	switch s.State {
	case types.StateInitial, types.StateVerifying:
		work = "content"
	}
	want, ok := w.known.content(key)
	switch {
	case !ok:
		err = errors.New("no configuration has such a content tree")
	case s.State == types.StateLoaded && (s.SizeBytes != want.bytes || s.SHA256 != want.sha256):
		err = fmt.Errorf("it is loaded with %d bytes, SHA-256 %s", s.SizeBytes, s.SHA256)
	case s.State != types.StateLoaded && s.Path != "":
		err = fmt.Errorf("it is %s and has a path", s.State)
	}
	return work, firstError(err, sound(s.State, s.Problem), w.generation("content "+key, s.GenerationCounter))
}

func (w *statusWatch) volume(key string, s types.VolumeStatus) (work string, err error) {
	switch s.State {
	case types.StateInitial, types.StateCreatingVolume:
		work = "volume"
	}
	want, ok := w.known.volume(key)
	switch {
	case !ok:
		err = errors.New("no configuration has such a volume")
	case s.State == types.StateCreatedVolume && (s.Path == "" || s.SizeBytes != want.bytes):
		err = fmt.Errorf("it is created with %d bytes of %d, path %q", s.SizeBytes, want.bytes, s.Path)
	case s.State != types.StateCreatedVolume && s.Path != "":
		err = fmt.Errorf("it is %s and has a path", s.State)
	}
	return work, firstError(err, sound(s.State, s.Problem), w.generation("volume "+key, s.GenerationCounter))
}

func (w *statusWatch) domain(key string, s types.DomainStatus) (work string, err error) {
	switch s.State {
	case types.StateBooting:
		work = "start"
	case types.StateHalting:
		work = "end"
	case types.StateRunning:
		err = w.apps.told(key, s.PID, s.StartedAt)
	}
	for _, v := range s.Running.Volumes {
		err = firstError(err, w.generation("domain "+key+" "+v.VolumeID, v.GenerationCounter))
	}
	return work, firstError(err, sound(s.State, s.Problem))
}

func (w *statusWatch) app(key string, s types.AppInstanceStatus) (work string, err error) {
	switch s.State {
	case types.StateRunning:
		err = w.apps.told(key, s.PID, s.StartedAt)
	case types.StateError, types.StateHalted:
	default:
		work = "application"
	}
	for _, v := range s.Volumes {
		err = firstError(err, w.generation("app "+key+" "+v.VolumeID, v.GenerationCounter))
	}
	return work, firstError(err, sound(s.State, s.Problem))
}

// working returns how much is being done, by what it is.
func (w *statusWatch) working() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	count := map[string]int{}
	for _, what := range w.work {
		count[what]++
	}
	return count
}

// verdict returns how many statuses there were in all, and the first that was
// wrong.
func (w *statusWatch) verdict() (seen int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen, w.wrong
}

func (w *statusWatch) close() {
	w.agent.Close()
	w.done.Wait()
}
