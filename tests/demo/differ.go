package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/evenkv/nkv/agents/ledmanager"
	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/client"
)

// agreed waits until the device is what the configuration says: every table,
// every volume, every process. It looks again with each change that the server
// tells. What the agents were told of it, check finds out at the end.
func (d *device) agreed(ctx context.Context) error {
	e, err := d.expect()
	if err != nil {
		return err
	}
	defer d.progress.clear()
	return d.await(ctx, "the device does not agree with its configuration", func() error { return d.differs(ctx, e) })
}

// await waits until differs returns nil; a process that ended and anything that
// was wrong at any time end it. It looks again with each change that the server
// tells.
func (d *device) await(ctx context.Context, what string, differs func() error) error {
	sub, err := d.client.Subscribe(">")
	if err != nil {
		return err
	}
	defer sub.Close()
	for {
		if err := firstError(d.alive(), d.verdict()); err != nil {
			return err
		}
		missing := differs()
		if missing == nil {
			return nil
		}
		if err := sub.Wait(ctx); err != nil {
			return fmt.Errorf("%s: %w", what, missing)
		}
		for _, ok := sub.Next(); ok; _, ok = sub.Next() { // only that there was something
		}
	}
}

// differs returns the first thing that is not yet as it must be.
func (d *device) differs(ctx context.Context, e *expectation) error {
	f, err := d.find(ctx)
	if err != nil {
		return err
	}
	d.progress.show(e.standing(f))
	for _, table := range e.encoded {
		_, entries, err := d.client.Snapshot(ctx, table.table)
		if err != nil {
			return err
		}
		if err := table.differs(entries); err != nil {
			return err
		}
	}
	if err := firstError(
		sameKeys(topics.NetworkPortStatus, f.ports, e.Ports),
		sameKeys(topics.DownloaderStatus, f.loads, e.ContentTrees),
		e.contentsDiffer(f), e.volumesDiffer(f), e.appsDiffer(f),
	); err != nil {
		return err
	}
	return firstError(d.processesDiffer(e, f), d.lightDiffers(f), d.filesDiffer(e, f))
}

func (t encodedTable) differs(entries []client.Entry) error {
	if len(entries) != len(t.want) {
		return fmt.Errorf("table %s has %d keys; %d are wanted", t.table, len(entries), len(t.want))
	}
	for _, e := range entries {
		if !bytes.Equal(e.Value, t.want[e.Path.Key]) {
			return fmt.Errorf("key %q of table %s is not as the configuration says", e.Path.Key, t.table)
		}
	}
	return nil
}

func sameKeys[T, W any](table agent.Table[T], got map[string]T, want map[string]W) error {
	have, wanted := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))
	if !slices.Equal(have, wanted) {
		return fmt.Errorf("table %s has the keys %q; wanted are %q", table, have, wanted)
	}
	return nil
}

func (e *expectation) standing(f *found) standing {
	s := standing{trees: len(e.ContentTrees)}
	for id, app := range e.Apps {
		if app.Activate {
			s.wanted++
			if f.apps[id].State == types.StateRunning {
				s.running++
			}
		}
	}
	for id := range e.ContentTrees {
		if f.contents[id].State == types.StateLoaded {
			s.loaded++
		}
		if load := f.loads[id]; load.State == types.DownloadRunning {
			s.bytes += load.CurrentBytes
			s.total += load.TotalBytes
		}
	}
	return s
}

// state returns the one that a part must be in: of a sick one ERROR.
func state(sick bool, well types.SwState) types.SwState {
	if sick {
		return types.StateError
	}
	return well
}

func (e *expectation) contentsDiffer(f *found) error {
	if err := sameKeys(topics.ContentTreeStatus, f.contents, e.ContentTrees); err != nil {
		return err
	}
	for id, got := range f.contents {
		tree := e.ContentTrees[id]
		if want := state(e.sickTree(id), types.StateLoaded); got.State != want || got.GenerationCounter != tree.GenerationCounter {
			return fmt.Errorf("content tree %q is %s (%s); it must become %s", tree.DisplayName, got.State, got.Problem, want)
		}
	}
	return nil
}

func (e *expectation) volumesDiffer(f *found) error {
	if err := sameKeys(topics.VolumeStatus, f.volumes, e.Volumes); err != nil {
		return err
	}
	for id, got := range f.volumes {
		v := e.Volumes[id]
		if want := state(e.sickVolume(id), types.StateCreatedVolume); got.State != want || got.GenerationCounter != v.GenerationCounter {
			return fmt.Errorf("volume %q is %s (%s); it must become %s", v.DisplayName, got.State, got.Problem, want)
		}
	}
	return nil
}

func (e *expectation) appsDiffer(f *found) error {
	if err := sameKeys(topics.AppInstanceStatus, f.apps, e.Apps); err != nil {
		return err
	}
	for id, got := range f.apps {
		app := e.Apps[id]
		want := types.StateHalted
		if app.Activate {
			want = state(e.sickApp(app), types.StateRunning)
		}
		if got.State != want || got.Wanted != app.Activate {
			return fmt.Errorf("application %q is %s (%s); it must become %s", app.DisplayName, got.State, got.Problem, want)
		}
	}
	return nil
}

// processesDiffer compares the processes that the system has with those that must
// be, and with what domainmgr says of them.
func (d *device) processesDiffer(e *expectation, f *found) error {
	want := map[string]types.AppInstanceConfig{}
	for id, app := range e.Apps {
		if app.Activate && !e.sickApp(app) {
			want[id] = app
		}
	}
	if err := sameKeys(topics.DomainStatus, f.domains, want); err != nil {
		return err
	}
	running := d.apps.running()
	for id, app := range want {
		got := f.domains[id]
		if got.PID != running[id] || got.PID == 0 || got.State != types.StateRunning {
			return fmt.Errorf("application %q is process %d, domainmgr says %d (%s)", app.DisplayName, running[id], got.PID, got.State)
		}
		if got.Running.MemoryKiB != app.FixedResources.MemoryKiB || got.Running.RestartCounter != app.RestartCounter+app.PurgeCounter || len(got.Running.Volumes) != len(app.VolumeRefs) {
			return fmt.Errorf("application %q runs with another configuration", app.DisplayName)
		}
		for i, ref := range app.VolumeRefs {
			if v := got.Running.Volumes[i]; v.VolumeID != ref.VolumeID || v.GenerationCounter != ref.GenerationCounter {
				return fmt.Errorf("application %q runs with generation %d of volume %s; wanted is %d", app.DisplayName, v.GenerationCounter, v.VolumeID, ref.GenerationCounter)
			}
		}
	}
	if len(running) != len(want) {
		return fmt.Errorf("%d applications have a process; %d must", len(running), len(want))
	}
	return nil
}

func (d *device) lightDiffers(f *found) error {
	want := ledmanager.Choose(ledmanager.Device{
		ZedAgent: f.zedagent[types.StatusKey], Network: f.network[types.StatusKey], Apps: f.apps,
	})
	got := f.led[types.StatusKey]
	file, err := os.ReadFile(d.file("led"))
	if err != nil || got.Blinks != want.Blinks || got.Meaning != want.Meaning || string(file) != fmt.Sprintf("%d\n%s\n", want.Blinks, want.Meaning) {
		return fmt.Errorf("the light blinks %d times (%s, file %q); it must %d times (%s)", got.Blinks, got.Meaning, file, want.Blinks, want.Meaning)
	}
	return nil
}

// filesDiffer compares every volume with its content, byte by byte, and the files
// that there are with those that must be.
func (d *device) filesDiffer(e *expectation, f *found) error {
	files := map[string]bool{}
	for id, v := range e.Volumes {
		if e.sickVolume(id) {
			continue
		}
		path := f.volumes[id].Path
		files[path] = true
		want, _ := d.known.volume(id)
		if err := want.differs(path); err != nil {
			return fmt.Errorf("volume %q: %w", v.DisplayName, err)
		}
	}
	for _, use := range f.domains {
		for _, v := range use.Running.Volumes {
			files[v.Path] = true
		}
	}
	entries, err := os.ReadDir(d.file("vault/volumes"))
	if err != nil {
		return err
	}
	if len(entries) != len(files) {
		return fmt.Errorf("there are %d files of volumes; wanted are %d", len(entries), len(files))
	}
	return nil
}
