package zedmanager_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/agents/zedmanager"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/agent/agenttest"
)

// scene is zedmanager among agents that the test plays.
type scene struct {
	*agenttest.Server
	apps         *agenttest.Publication[types.AppInstanceConfig]
	volumeConfig *agenttest.Publication[types.VolumeConfig]
	volumes      *agenttest.Publication[types.VolumeStatus]
	domains      *agenttest.Publication[types.DomainStatus]

	requests *agenttest.Table[types.DomainConfig]
	status   *agenttest.Table[types.AppInstanceStatus]
	uses     *agenttest.Table[types.VolumeUse]
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{Server: agenttest.New(t)}
	s.apps = agenttest.Publish(s.Server, topics.AppInstanceConfig)
	s.volumeConfig = agenttest.Publish(s.Server, topics.VolumeConfig)
	s.volumes = agenttest.Publish(s.Server, topics.VolumeStatus)
	s.domains = agenttest.Publish(s.Server, topics.DomainStatus)
	agenttest.Publish(s.Server, topics.NetworkInstanceConfig).Restarted()
	agenttest.Publish(s.Server, topics.NetworkPortConfig).Restarted()
	s.requests = agenttest.Watch(s.Server, topics.DomainConfig)
	s.status = agenttest.Watch(s.Server, topics.AppInstanceStatus)
	s.uses = agenttest.Watch(s.Server, topics.VolumeUse)
	s.volumeConfig.Put("v", types.VolumeConfig{VolumeID: "v"})
	s.apps.Put("app", types.AppInstanceConfig{
		UUID: "app", DisplayName: "reader", Activate: true, VolumeRefs: []types.VolumeRefConfig{{VolumeID: "v"}},
	})
	s.apps.Restarted()
	s.volumeConfig.Restarted()
	s.volumes.Restarted()
	s.domains.Restarted()
	return s
}

func (s *scene) zedmanager(boot time.Time) (stop func()) {
	return s.Start(topics.ZedManager, func(ctx context.Context, a *agent.Agent) error {
		return zedmanager.Run(ctx, a, zedmanager.Options{Boot: boot, Logger: s.Log})
	})
}

func (s *scene) await(state types.SwState) {
	s.status.Await(string(state), func(v map[string]types.AppInstanceStatus) bool { return v["app"].State == state })
}

func (s *scene) volume() {
	s.volumes.Put("v", types.VolumeStatus{VolumeID: "v", State: types.StateCreatedVolume, Path: "/v"})
}

func TestAnApplicationsWay(t *testing.T) {
	s := newScene(t)
	s.zedmanager(time.Time{})
	s.await(types.StateInitial)
	s.volumes.Put("v", types.VolumeStatus{VolumeID: "v", State: types.StateDownloading})
	s.await(types.StateDownloading)
	s.volume()
	s.await(types.StateBooting)
	s.uses.Await("held", func(v map[string]types.VolumeUse) bool { return len(v) == 1 })
	request := s.requests.Await("asked for", func(v map[string]types.DomainConfig) bool { return len(v) == 1 })["app"]
	s.domains.Put("app", types.DomainStatus{UUID: "app", State: types.StateRunning, PID: 9, Running: request})
	s.await(types.StateRunning)
	s.apps.Delete("app")
	s.requests.Await("not asked for", func(v map[string]types.DomainConfig) bool { return len(v) == 0 })
	s.await(types.StateHalting)
	s.uses.Await("held still", func(v map[string]types.VolumeUse) bool { return len(v) == 1 })
	s.domains.Delete("app")
	s.status.Await("gone", func(v map[string]types.AppInstanceStatus) bool { return len(v) == 0 })
	s.uses.Await("let go", func(v map[string]types.VolumeUse) bool { return len(v) == 0 })
}

func TestAStartDelayEnds(t *testing.T) {
	s := newScene(t)
	s.apps.Put("app", types.AppInstanceConfig{UUID: "app", Activate: true, StartDelaySeconds: 1})
	s.zedmanager(time.Now())
	s.await(types.StateStartDelayed)
	s.await(types.StateBooting)
}

func TestARestartChangesNothing(t *testing.T) {
	s := newScene(t)
	stop := s.zedmanager(time.Time{})
	s.volume()
	request := s.requests.Await("asked for", func(v map[string]types.DomainConfig) bool { return len(v) == 1 })["app"]
	s.domains.Put("app", types.DomainStatus{UUID: "app", State: types.StateRunning, PID: 9, Running: request})
	s.await(types.StateRunning)
	s.status.AwaitCall("restarted 1")
	stop()
	s.requests.Calls()
	s.status.Calls()
	s.uses.Calls()
	s.zedmanager(time.Time{})
	s.status.AwaitCall("restarted 2")
	s.Settled(topics.ZedManager)
	for name, calls := range map[string][]string{"requests": s.requests.Calls(), "statuses": s.status.Calls(), "uses": s.uses.Calls()} {
		if diff := cmp.Diff([]string{"restarted 2"}, calls); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	s := agenttest.New(t)
	if err := zedmanager.Run(context.Background(), s.Connect(topics.ZedManager), zedmanager.Options{}); !errors.Is(err, zedmanager.ErrInvalidOption) {
		t.Error(err)
	}
}

func TestTheSystemWasStartedInThePast(t *testing.T) {
	boot, err := zedmanager.BootTime()
	if err != nil || boot.After(time.Now()) {
		t.Errorf("%s, %v", boot, err)
	}
	if !boot.IsZero() && boot == boot.Round(0) {
		t.Errorf("%s has no monotonic reading: a clock that is set while a start delay runs would change the delay", boot)
	}
}
