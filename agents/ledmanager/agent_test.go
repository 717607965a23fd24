package ledmanager_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/agents/ledmanager"
	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/agent/agenttest"
)

func app(wanted bool, state types.SwState) types.AppInstanceStatus {
	return types.AppInstanceStatus{Wanted: wanted, State: state}
}

func TestChoose(t *testing.T) {
	inForce := types.ZedAgentStatus{Source: types.ConfigSourceFile, FileState: types.ConfigFileValid}
	refused := types.ZedAgentStatus{Source: types.ConfigSourceFile, FileState: types.ConfigFileInvalid}
	online := types.DeviceNetworkStatus{MgmtUp: 1}
	for _, test := range []struct {
		name   string
		device ledmanager.Device
		want   uint32
	}{
		{"nothing is known", ledmanager.Device{}, ledmanager.BlinksNoConfiguration},
		{"no configuration", ledmanager.Device{ZedAgent: types.ZedAgentStatus{Source: types.ConfigSourceNone}}, ledmanager.BlinksNoConfiguration},
		{"an application on its way", ledmanager.Device{ZedAgent: inForce, Network: online, Apps: map[string]types.AppInstanceStatus{
			"a": app(true, types.StateRunning), "b": app(true, types.StateDownloading)}}, ledmanager.BlinksStarting},
		{"an application in error", ledmanager.Device{ZedAgent: refused, Apps: map[string]types.AppInstanceStatus{
			"a": app(true, types.StateError), "b": app(true, types.StateDownloading)}}, ledmanager.BlinksAppError},
		{"one that is not wanted", ledmanager.Device{ZedAgent: inForce, Network: online, Apps: map[string]types.AppInstanceStatus{
			"a": app(false, types.StateError), "b": app(true, types.StateRunning)}}, ledmanager.BlinksRunning},
		{"refused", ledmanager.Device{ZedAgent: refused, Network: online}, ledmanager.BlinksConfigRefused},
		{"no uplink", ledmanager.Device{ZedAgent: inForce}, ledmanager.BlinksNoUplink},
		{"applications are not known yet", ledmanager.Device{ZedAgent: inForce, Network: online, Waiting: true}, ledmanager.BlinksStarting},
		{"in error, not all known yet", ledmanager.Device{ZedAgent: inForce, Waiting: true, Apps: map[string]types.AppInstanceStatus{
			"a": app(true, types.StateError)}}, ledmanager.BlinksAppError},
		{"all well", ledmanager.Device{ZedAgent: inForce, Network: online}, ledmanager.BlinksRunning},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := ledmanager.Choose(test.device); got.Blinks != test.want || got.Meaning == "" {
				t.Errorf("%+v; wanted are %d blinks", got, test.want)
			}
		})
	}
}

func TestTheFileFollowsTheDevice(t *testing.T) {
	s := agenttest.New(t)
	zedagent := agenttest.Publish(s, topics.ZedAgentStatus)
	network := agenttest.Publish(s, topics.DeviceNetworkStatus)
	apps := agenttest.Publish(s, topics.AppInstanceStatus)
	light := agenttest.Watch(s, topics.LedStatus)
	file := filepath.Join(t.TempDir(), "pattern")
	if err := os.WriteFile(file, []byte("former"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.Start(topics.LedManager, func(ctx context.Context, a *agent.Agent) error {
		return ledmanager.Run(ctx, a, ledmanager.Options{File: file, Logger: s.Log})
	})
	zedagent.Put(types.StatusKey, types.ZedAgentStatus{Source: types.ConfigSourceFile, FileState: types.ConfigFileValid})
	network.Put(types.StatusKey, types.DeviceNetworkStatus{MgmtUp: 1})
	apps.Put("a", app(true, types.StateBooting))
	zedagent.Restarted()
	network.Restarted()
	if data, err := os.ReadFile(file); err != nil || string(data) != "former" {
		t.Errorf("before all have told, the file is %q, %v", data, err)
	}
	apps.Restarted()
	shows := func(blinks uint32, text string) {
		t.Helper()
		light.Await(text, func(v map[string]types.LedStatus) bool { return v[types.StatusKey].Blinks == blinks })
		data, err := os.ReadFile(file)
		if diff := cmp.Diff(text, string(data)); err != nil || diff != "" {
			t.Errorf("%v, %s", err, diff)
		}
	}
	shows(ledmanager.BlinksStarting, "2\napplications running: 0 of 1\n")
	apps.Put("a", app(true, types.StateRunning))
	shows(ledmanager.BlinksRunning, "4\nall is as wanted\n")
}

// TestWhoHasNotToldIsNotWell: zedmanager may be the one that does not start.
func TestWhoHasNotToldIsNotWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := agenttest.New(t)
		zedagent := agenttest.Publish(s, topics.ZedAgentStatus)
		network := agenttest.Publish(s, topics.DeviceNetworkStatus)
		apps := agenttest.Publish(s, topics.AppInstanceStatus)
		light := agenttest.Watch(s, topics.LedStatus)
		zedagent.Put(types.StatusKey, types.ZedAgentStatus{Source: types.ConfigSourceFile, FileState: types.ConfigFileValid})
		network.Put(types.StatusKey, types.DeviceNetworkStatus{MgmtUp: 1})
		zedagent.Restarted()
		network.Restarted()
		s.Start(topics.LedManager, func(ctx context.Context, a *agent.Agent) error {
			return ledmanager.Run(ctx, a, ledmanager.Options{File: filepath.Join(t.TempDir(), "pattern"), Logger: s.Log})
		})
		shows := func(blinks uint32) {
			t.Helper()
			light.Await("blinks", func(v map[string]types.LedStatus) bool { return v[types.StatusKey].Blinks == blinks })
		}
		shows(ledmanager.BlinksStarting)
		apps.Restarted()
		shows(ledmanager.BlinksRunning)
	})
}

func TestAFileThatCanNotBeWrittenIsTold(t *testing.T) {
	s := agenttest.New(t)
	agenttest.Publish(s, topics.ZedAgentStatus).Restarted()
	agenttest.Publish(s, topics.DeviceNetworkStatus).Restarted()
	agenttest.Publish(s, topics.AppInstanceStatus).Restarted()
	light := agenttest.Watch(s, topics.LedStatus)
	s.Start(topics.LedManager, func(ctx context.Context, a *agent.Agent) error {
		return ledmanager.Run(ctx, a, ledmanager.Options{File: filepath.Join(t.TempDir(), "missing", "pattern"), Logger: s.Log})
	})
	light.Await("the error", func(v map[string]types.LedStatus) bool { return v[types.StatusKey].Error != "" })
}

func TestOptionsAreChecked(t *testing.T) {
	s := agenttest.New(t)
	for _, opts := range []ledmanager.Options{{Logger: s.Log}, {File: "x"}} {
		if err := ledmanager.Run(context.Background(), s.Connect(topics.LedManager), opts); !errors.Is(err, ledmanager.ErrInvalidOption) {
			t.Errorf("%+v: %v", opts, err)
		}
	}
}
