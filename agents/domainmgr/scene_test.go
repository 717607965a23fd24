package domainmgr_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/evenkv/nkv/agents/demoapp"
	"github.com/evenkv/nkv/agents/domainmgr"
	"github.com/evenkv/nkv/agents/domainmgr/internal/census"
	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/internal/testutil"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/agent/agenttest"
	"github.com/evenkv/nkv/pkg/server"
)

// scene is a device whose requests the test publishes in zedmanager's stead.
type scene struct {
	*agenttest.Server
	t      *testing.T
	opts   domainmgr.Options
	config *agenttest.Publication[types.DomainConfig]
	status *agenttest.Table[types.DomainStatus]
	metric *agenttest.Table[types.DomainMetric]
}

// newScene has no application with two processes, and none at the end. The
// applications have this fault. Zedmanager has told that all is published.
func newScene(t *testing.T, fault string) *scene {
	t.Helper()
	s := newSilentScene(t, fault)
	s.config.Restarted()
	return s
}

// newSilentScene is one whose zedmanager has not told so.
func newSilentScene(t *testing.T, fault string) *scene {
	t.Helper()
	t.Parallel()
	s := &scene{t: t, Server: agenttest.New(t, func(o *server.Options) { o.OwnerGrace = 20 * time.Millisecond })}
	s.opts = domainmgr.Options{
		App: program(t, fault), Dir: filepath.Join(t.TempDir(), "domains"), Logger: s.Log,
		StopGrace: agenttest.Patience, RestartFirst: 50 * time.Millisecond, RestartMost: 200 * time.Millisecond,
	}
	t.Cleanup(func() { stopAll(t, s.opts.Dir) })
	if err := os.Mkdir(s.opts.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	census.Watch(t, s.opts.Dir)
	s.config = agenttest.Publish(s.Server, topics.DomainConfig)
	s.status = agenttest.Watch(s.Server, topics.DomainStatus)
	s.metric = agenttest.Watch(s.Server, topics.DomainMetric)
	return s
}

func stopAll(t *testing.T, dir string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), agenttest.Patience)
	defer cancel()
	if err := domainmgr.StopAll(ctx, dir); err != nil {
		t.Error(err)
	}
	if left := census.Of(dir); len(left) > 0 {
		t.Errorf("left running: %d applications", len(left))
	}
}

// program makes a program that is the demo's application with a fault.
func program(t *testing.T, fault string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app")
	// With the race detector a program takes a second to end unless it is told not to.
	script(t, path, fmt.Sprintf("GORACE=atexit_sleep_ms=0 %s=%s exec %s", demoapp.EnvFault, fault, os.Args[0]))
	return path
}

// script writes a shell script.
func script(t *testing.T, path, text string) {
	t.Helper()
	// A process that is forked meanwhile would have the file open for writing, and
	// such a file can't be executed.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// started waits until a process has set up its signals: it has written its line.
func (s *scene) started(key string, pid int) {
	s.t.Helper()
	s.eventually("a line of "+key, func() bool {
		log, err := os.ReadFile(filepath.Join(s.opts.Dir, key+".log"))
		return err == nil && strings.Contains(string(log), fmt.Sprintf("pid %d,", pid))
	})
}

// eventually looks until a condition holds that has no event.
func (s *scene) eventually(what string, ok func() bool) {
	s.t.Helper()
	testutil.Await(s.t, agenttest.Patience, what, ok)
}

// domainmgr runs the agent in the test's process.
func (s *scene) domainmgr() (stop func()) {
	s.t.Helper()
	return s.Start(topics.DomainMgr, func(ctx context.Context, a *agent.Agent) error {
		return domainmgr.Run(ctx, a, s.opts)
	})
}

func request(key string) types.DomainConfig {
	return types.DomainConfig{UUID: key, DisplayName: "app " + key, VCPUs: 1, MemoryKiB: 1024}
}

// awaitState waits until an application is in a state.
func (s *scene) awaitState(key string, state types.SwState) types.DomainStatus {
	s.t.Helper()
	return s.await(key+" "+string(state), key, func(d types.DomainStatus) bool { return d.State == state })
}

func (s *scene) await(what, key string, ok func(types.DomainStatus) bool) types.DomainStatus {
	s.t.Helper()
	return s.status.Await(what, func(v map[string]types.DomainStatus) bool {
		d, there := v[key]
		return there && ok(d)
	})[key]
}

func (s *scene) awaitGone(key string) {
	s.t.Helper()
	s.status.Await(key+" gone", func(v map[string]types.DomainStatus) bool { _, there := v[key]; return !there })
	if left := census.Of(s.opts.Dir)[key]; len(left) > 0 {
		s.t.Errorf("the status of %s is gone, its processes are not: %v", key, left)
	}
}

// awaitOther waits until an application runs as another process.
func (s *scene) awaitOther(key string, than int) types.DomainStatus {
	s.t.Helper()
	return s.await(key+" as another process", key, func(d types.DomainStatus) bool {
		return d.State == types.StateRunning && d.PID != than
	})
}

// alive returns the process of an application.
func (s *scene) alive(key string) census.Process {
	s.t.Helper()
	list := census.Of(s.opts.Dir)[key]
	if len(list) != 1 {
		s.t.Fatalf("%s has %d processes: %v", key, len(list), list)
	}
	return list[0]
}

func kill(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatal(err)
	}
}
