package domainmgr_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/agents/domainmgr"
	"github.com/evenkv/nkv/agents/domainmgr/internal/census"
	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/agent/agenttest"
)

func TestAnApplicationComesAndGoes(t *testing.T) {
	s := newScene(t, "")
	s.domainmgr()
	s.config.Put("a", request("a"))
	s.config.Put("b", request("b"))
	a := s.awaitState("a", types.StateRunning)
	b := s.awaitState("b", types.StateRunning)
	if pid := s.alive("a").PID; a.PID != pid {
		t.Errorf("process %d, the status says %d", pid, a.PID)
	}
	if diff := cmp.Diff(request("a"), a.Running); diff != "" || a.Starts != 1 || a.DisplayName != "app a" || a.UUID != "a" {
		t.Errorf("%+v\n%s", a, diff)
	}
	if ago := time.Since(a.StartedAt); ago < 0 || ago > time.Minute || a.StartedAt.Location() != time.UTC {
		t.Errorf("started at %s", a.StartedAt)
	}
	s.config.Delete("a")
	s.awaitGone("a")
	if s.alive("b").PID != b.PID {
		t.Error("another application was disturbed")
	}
}

func TestTheApplicationKnowsItsVolumes(t *testing.T) {
	s := newScene(t, "")
	s.domainmgr()
	volume := filepath.Join(t.TempDir(), "volume")
	cfg := request("a")
	cfg.Volumes = []types.DomainVolume{{VolumeID: "v", Path: volume}}
	s.config.Put("a", cfg)
	if d := s.awaitState("a", types.StateRestarting); d.Problem.What != "exited with status 1" {
		t.Errorf("without its volume: %+v", d.Problem)
	}
	if err := os.WriteFile(volume, []byte("12345"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.eventually("the line of the application", func() bool {
		log, err := os.ReadFile(filepath.Join(s.opts.Dir, "a.log"))
		return err == nil && strings.Contains(string(log), volume+" (5 bytes)") &&
			strings.Contains(string(log), volume+": no such file")
	})
}

// TestTheNextOneAdopts what is wanted and ends what is not.
func TestTheNextOneAdopts(t *testing.T) {
	s := newScene(t, "")
	stop := s.domainmgr()
	s.config.Put("a", request("a"))
	s.config.Put("b", request("b"))
	before := s.awaitState("a", types.StateRunning)
	s.awaitState("b", types.StateRunning)
	stop()
	s.status.Calls()
	s.config.Delete("b")
	s.domainmgr()
	s.awaitGone("b")
	s.status.AwaitCall("restarted 2")
	if diff := cmp.Diff(before, s.status.Values()["a"]); diff != "" || s.alive("a").PID != before.PID {
		t.Error(diff)
	}
	if calls := s.status.Calls(); slices.Contains(calls, "modify a") || slices.Contains(calls, "delete a") {
		t.Errorf("the status of a changed: %v", calls)
	}
	kill(t, before.PID, syscall.SIGKILL)
	s.awaitOther("a", before.PID)
}

// TestNothingIsDoneBeforeTheRequestsAreKnown: what runs goes on running, and what
// was published stands.
func TestNothingIsDoneBeforeTheRequestsAreKnown(t *testing.T) {
	s := newSilentScene(t, "")
	other := newPeer(s)
	other.config.Put("a", request("a"))
	other.config.Put("b", request("b"))
	stop := other.domainmgr()
	a := other.awaitState("a", types.StateRunning)
	b := other.awaitState("b", types.StateRunning)
	stop()
	s.config.Put("a", request("a"))
	s.domainmgr()
	s.status.AwaitCall("synchronized") // it has opened its table
	kill(t, b.PID, syscall.SIGKILL)
	s.eventually("it is noticed", func() bool { return len(census.Of(s.opts.Dir)["b"]) == 0 })
	if values := s.status.Values(); len(values) > 0 || s.alive("a").PID != a.PID {
		t.Errorf("published: %v", values)
	}
	s.config.Restarted()
	if d := s.awaitState("a", types.StateRunning); d.PID != a.PID {
		t.Errorf("another process: %+v", d)
	}
	s.status.AwaitCall("restarted 1")
	s.status.Await("b gone", func(v map[string]types.DomainStatus) bool {
		b, there := v["b"]
		if there && b.State != types.StateHalting { // it may be looked for what it left behind
			t.Errorf("an application that nobody wants is %s", b.State)
		}
		return !there
	})
}

func TestTwoOnOneDirectoryShareTheProcess(t *testing.T) {
	s := newScene(t, "")
	other := newPeer(s)
	s.domainmgr()
	other.domainmgr()
	s.config.Put("a", request("a"))
	other.config.Put("a", request("a"))
	pid := s.awaitState("a", types.StateRunning).PID
	if d := other.awaitState("a", types.StateRunning); d.PID != pid {
		t.Errorf("%d and %d", pid, d.PID)
	}
	for range 5 {
		kill(t, pid, syscall.SIGKILL)
		d := s.awaitOther("a", pid)
		other.await("the same", "a", func(o types.DomainStatus) bool { return o.State == types.StateRunning && o.PID == d.PID })
		pid = d.PID
	}
	s.config.Delete("a")
	s.status.Await("gone", func(v map[string]types.DomainStatus) bool { return len(v) == 0 })
	other.awaitOther("a", pid)
}

// newPeer is a scene with a server of its own on the same directory.
func newPeer(s *scene) *scene {
	s.t.Helper()
	peer := &scene{t: s.t, opts: s.opts, Server: agenttest.New(s.t)}
	peer.config = agenttest.Publish(peer.Server, topics.DomainConfig)
	peer.config.Restarted()
	peer.status = agenttest.Watch(peer.Server, topics.DomainStatus)
	return peer
}

func TestOnlyWhatMattersRestarts(t *testing.T) {
	s := newScene(t, "")
	s.domainmgr()
	cfg := request("a")
	s.config.Put("a", cfg)
	before := s.awaitState("a", types.StateRunning)
	volume := filepath.Join(t.TempDir(), "volume")
	if err := os.WriteFile(volume, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	cfg.DisplayName = "another name"
	s.config.Put("a", cfg)
	d := s.await("renamed", "a", func(d types.DomainStatus) bool { return d.DisplayName == cfg.DisplayName })
	if d.PID != before.PID || d.State != types.StateRunning || d.Running.DisplayName != "app a" {
		t.Errorf("a new name: %+v", d)
	}
	for _, change := range []func(){
		func() { cfg.VCPUs++ },
		func() { cfg.MemoryKiB++ },
		func() { cfg.RestartCounter++ },
		func() { cfg.Volumes = []types.DomainVolume{{VolumeID: "v", Path: volume}} },
		func() { cfg.Networks = []types.DomainNetwork{{Name: "eth0", NetworkID: "n"}} },
	} {
		before := s.status.Values()["a"]
		change()
		s.config.Put("a", cfg)
		after := s.awaitOther("a", before.PID)
		if diff := cmp.Diff(cfg, after.Running); diff != "" || after.Starts != before.Starts+1 || after.Failures != 0 {
			t.Errorf("%+v\n%s", after, diff)
		}
	}
}

func TestADamagedRecordCostsARestart(t *testing.T) {
	s := newScene(t, "")
	stop := s.domainmgr()
	s.config.Put("a", request("a"))
	before := s.awaitState("a", types.StateRunning)
	stop()
	if err := os.WriteFile(filepath.Join(s.opts.Dir, "a.domain"), []byte(`{"Key":`), 0o600); err != nil {
		t.Fatal(err)
	}
	s.domainmgr()
	after := s.awaitOther("a", before.PID)
	if diff := cmp.Diff(request("a"), after.Running); diff != "" {
		t.Error(diff)
	}
}

func TestOddKeysStayInTheDirectory(t *testing.T) {
	s := newScene(t, "")
	keys := []string{"../x", "a/b", "..", "a b\nc", strings.Repeat("/", 200)}
	stop := s.domainmgr()
	for _, key := range keys {
		s.config.Put(key, request(key))
	}
	for _, key := range keys {
		s.awaitState(key, types.StateRunning)
	}
	stop()
	s.domainmgr()
	for _, key := range keys {
		s.config.Delete(key)
	}
	s.status.Await("all gone", func(v map[string]types.DomainStatus) bool { return len(v) == 0 })
	entries, err := os.ReadDir(filepath.Dir(s.opts.Dir))
	if err != nil || len(entries) != 1 {
		t.Errorf("outside of the directory: %v, %v", entries, err)
	}
}

func TestMetricsComeAndGoWithTheProcess(t *testing.T) {
	s := newScene(t, "")
	s.opts.MetricsInterval = 20 * time.Millisecond
	stop := s.domainmgr()
	s.config.Put("a", request("a"))
	d := s.awaitState("a", types.StateRunning)
	s.started("a", d.PID)
	s.status.Calls()
	var first types.DomainMetric
	s.metric.Await("samples", func(v map[string]types.DomainMetric) bool {
		m, there := v["a"]
		if there && first.PID == 0 {
			first = m
		}
		return there && m.Sampled.After(first.Sampled) && m.PID == d.PID && m.ResidentBytes > 1<<20
	})
	if calls := s.status.Calls(); len(calls) > 0 {
		t.Errorf("the status changed with the metrics: %v", calls)
	}
	stop()
	s.metric.Calls()
	s.domainmgr()
	s.metric.AwaitCall("restarted 2")
	s.metric.AwaitCall("modify a")
	if calls := s.metric.Calls(); slices.Contains(calls, "delete a") {
		t.Errorf("the metric of a process that runs was removed: %v", calls)
	}
	s.config.Delete("a")
	s.awaitGone("a")
	s.metric.Await("gone", func(v map[string]types.DomainMetric) bool { return len(v) == 0 })
}

// TestItWorksWithoutTheServer: what was wanted last goes on being done.
func TestItWorksWithoutTheServer(t *testing.T) {
	s := newScene(t, "")
	s.domainmgr()
	s.config.Put("a", request("a"))
	before := s.awaitState("a", types.StateRunning)
	s.Refuse(topics.DomainMgr)
	kill(t, before.PID, syscall.SIGKILL)
	s.eventually("another process", func() bool {
		list := census.Of(s.opts.Dir)["a"]
		return len(list) == 1 && list[0].PID != before.PID
	})
	pid := s.alive("a").PID
	s.Allow(topics.DomainMgr)
	s.await("the process that was started meanwhile", "a", func(d types.DomainStatus) bool {
		return d.State == types.StateRunning && d.PID == pid
	})
	s.status.Calls()
	s.Kill()
	s.config.Put("b", request("b"))
	s.awaitState("b", types.StateRunning)
	if d := s.status.Values()["a"]; d.PID != pid || slices.Contains(s.status.Calls(), "modify a") {
		t.Errorf("a restart of the server changed %+v", d)
	}
}

func TestStopAllLeavesNothing(t *testing.T) {
	s := newScene(t, "ignore-term")
	stop := s.domainmgr()
	for _, key := range []string{"a", "b", "../c"} {
		s.config.Put(key, request(key))
		s.awaitState(key, types.StateRunning)
	}
	stop()
	for range 2 {
		stopAll(t, s.opts.Dir)
	}
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	stopAll(t, nowhere)
	if _, err := os.Stat(nowhere); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it made the directory: %v", err)
	}
}

// TestLogsGoWithTheirApplication: the directory does not grow with what once ran.
func TestLogsGoWithTheirApplication(t *testing.T) {
	s := newScene(t, "exit=3")
	s.opts.RestartFirst, s.opts.RestartMost = time.Hour, time.Hour
	file := func(name string) string { return filepath.Join(s.opts.Dir, name) }
	stop := s.domainmgr()
	for _, key := range []string{"a", "b", "c"} {
		s.config.Put(key, request(key))
		s.awaitState(key, types.StateRestarting)
	}
	s.config.Delete("a")
	s.awaitGone("a")
	stop()
	s.config.Delete("b")
	if err := os.WriteFile(file("b.log.1"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.opts.App = program(t, "")
	s.domainmgr()
	s.status.AwaitCall("restarted 2")
	s.awaitGone("b")
	cfg := request("c")
	cfg.VCPUs++
	s.config.Put("c", cfg)
	s.awaitState("c", types.StateRunning)
	logs, err := filepath.Glob(file("*.log*"))
	if diff := cmp.Diff([]string{file("c.log")}, logs); diff != "" || err != nil {
		t.Errorf("logs that are there: %v %s", err, diff)
	}
	s.config.Delete("c")
	s.awaitGone("c")
	if left, err := os.ReadDir(s.opts.Dir); len(left) > 0 || err != nil {
		t.Errorf("left are %v, %v", left, err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	s := newScene(t, "")
	for name, change := range map[string]func(*domainmgr.Options){
		"App":             func(o *domainmgr.Options) { o.App = "" },
		"Dir":             func(o *domainmgr.Options) { o.Dir = "" },
		"Logger":          func(o *domainmgr.Options) { o.Logger = nil },
		"StopGrace":       func(o *domainmgr.Options) { o.StopGrace = -1 },
		"RestartMost":     func(o *domainmgr.Options) { o.RestartFirst, o.RestartMost = 2, 1 },
		"MetricsInterval": func(o *domainmgr.Options) { o.MetricsInterval = -1 },
		"LogBytes":        func(o *domainmgr.Options) { o.LogBytes = -1 },
	} {
		opts := s.opts
		change(&opts)
		s.Start(topics.DomainMgr, func(ctx context.Context, a *agent.Agent) error {
			err := domainmgr.Run(ctx, a, opts)
			if !errors.Is(err, domainmgr.ErrInvalidOption) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v", name, err)
			}
			return nil
		})()
	}
}
