package zedagent_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/agents/zedagent"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/agent/agenttest"
	"github.com/evenkv/nkv/pkg/server"
)

// scene is a device with a configuration file.
type scene struct {
	*agenttest.Server
	t    *testing.T
	file string
}

func newScene(t *testing.T, configure ...func(*server.Options)) *scene {
	t.Helper()
	return &scene{agenttest.New(t, configure...), t, filepath.Join(t.TempDir(), "config", "device.json")}
}

// zedagent starts the agent; the result stops it.
func (s *scene) zedagent() (stop func()) {
	s.t.Helper()
	return s.Start(topics.ZedAgent, func(ctx context.Context, a *agent.Agent) error {
		return zedagent.Run(ctx, a, zedagent.Options{ConfigFile: s.file, Logger: s.Log})
	})
}

// write replaces the configuration file as a whole.
func (s *scene) write(text string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.file), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(s.file+".new", []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(s.file+".new", s.file); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) remove() {
	s.t.Helper()
	if err := os.Remove(s.file); err != nil {
		s.t.Fatal(err)
	}
}

// own returns the configuration that comes with the agent, changed.
func own(t *testing.T, change func(cfg map[string]any)) string {
	t.Helper()
	data, err := os.ReadFile("device.json")
	if err != nil {
		t.Fatal(err)
	}
	var cfg map[string]any
	if err := json.Unmarshal(data, &cfg); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(cfg)
	}
	if data, err = json.Marshal(cfg); err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// entry returns one entry of a section.
func entry(cfg map[string]any, section string, i int) map[string]any {
	return cfg[section].([]any)[i].(map[string]any)
}

func loads(n int) func(map[string]types.ZedAgentStatus) bool {
	return func(v map[string]types.ZedAgentStatus) bool { return v[types.StatusKey].Loads == n }
}

func state(state types.ConfigFileState, source types.ConfigSource) func(map[string]types.ZedAgentStatus) bool {
	return func(v map[string]types.ZedAgentStatus) bool {
		return v[types.StatusKey].FileState == state && v[types.StatusKey].Source == source
	}
}

func TestPublishesTheConfiguration(t *testing.T) {
	s := newScene(t)
	s.write(own(t, nil))
	status := agenttest.Watch(s.Server, topics.ZedAgentStatus)
	apps := agenttest.Watch(s.Server, topics.AppInstanceConfig)
	adapters := agenttest.Watch(s.Server, topics.PhysicalIOAdapter)
	s.zedagent()
	got := status.Await("loaded", loads(1))[types.StatusKey]
	want := map[string]int{
		"PhysicalIOAdapter": 5, "VLANAdapter": 1, "BondAdapter": 0, "NetworkPortConfig": 3, "NetworkXObjectConfig": 3,
		"NetworkInstanceConfig": 2, "AppInstanceConfig": 4, "VolumeConfig": 5, "ContentTreeConfig": 4,
		"DatastoreConfig": 2, "ConfigItem": 5,
	}
	if diff := cmp.Diff(want, got.Tables); diff != "" {
		t.Error(diff)
	}
	if got.FileState != types.ConfigFileValid || got.Source != types.ConfigSourceFile || got.Error != "" ||
		len(got.ConfigSHA256) != 64 || got.DeviceName != "packaging-line-3" || got.ConfigFile != s.file || got.LastLoad.IsZero() {
		t.Errorf("the status is %+v", got)
	}
	apps.AwaitCall("restarted 1")
	if n := len(apps.Values()); n != 4 {
		t.Errorf("%d applications when the restart was told", n)
	}
	adapters.Await("keys with spaces and slashes", func(v map[string]types.PhysicalIOAdapter) bool {
		return v["USB 1/front"].PhyAddrs.USBAddr == "1:4.3" && v["shop floor/eth1"].PhyAddrs.IfName == "eth1"
	})
}

func TestAChangePublishesJustTheDifference(t *testing.T) {
	s := newScene(t)
	s.write(own(t, nil))
	status := agenttest.Watch(s.Server, topics.ZedAgentStatus)
	ports := agenttest.Watch(s.Server, topics.NetworkPortConfig)
	apps := agenttest.Watch(s.Server, topics.AppInstanceConfig)
	items := agenttest.Watch(s.Server, topics.ConfigItem)
	volumes := agenttest.Watch(s.Server, topics.VolumeConfig)
	s.zedagent()
	status.Await("loaded", loads(1))
	for _, restarted := range []func(string){ports.AwaitCall, apps.AwaitCall, items.AwaitCall, volumes.AwaitCall} {
		restarted("restarted 1")
	}
	ports.Calls()
	apps.Calls()
	items.Calls()
	volumes.Calls()
	const removed, changed = "000000c3-6e6b-4d65-8d6f-000000000003", "000000c3-6e6b-4d65-8d6f-000000000002"
	s.write(own(t, func(cfg map[string]any) {
		entry(cfg, "systemAdapterList", 1)["cost"] = 3
		cfg["apps"] = slices.Delete(cfg["apps"].([]any), 2, 3)
		entry(cfg, "apps", 1)["activate"] = false
		entry(cfg, "configItems", 0)["key"] = "timer.new"
	}))
	status.Await("loaded again", loads(2))
	items.Await("both changes", func(v map[string]types.ConfigItem) bool {
		_, old := v["timer.config.interval"]
		return v["timer.new"].Value == "60" && !old
	})
	apps.Await("both changes", func(v map[string]types.AppInstanceConfig) bool { return len(v) == 3 && !v[changed].Activate })
	ports.Await("the change", func(v map[string]types.NetworkPortConfig) bool { return v["uplink"].Cost == 3 })
	// The volume of the removed application has one use less.
	volumes.Await("the change", func(v map[string]types.VolumeConfig) bool {
		return v["000000d4-6e6b-4d65-8d6f-000000000004"].RefCount == 0
	})
	for _, test := range []struct{ got, want []string }{
		{ports.Calls(), []string{"modify uplink"}},
		{apps.Calls(), []string{"modify " + changed, "delete " + removed}},
		{items.Calls(), []string{"create timer.new", "delete timer.config.interval"}},
		{volumes.Calls(), []string{"modify 000000d4-6e6b-4d65-8d6f-000000000004"}},
	} {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestARefusedFileChangesNothingAndHeals(t *testing.T) {
	s := newScene(t)
	good := own(t, nil)
	s.write(good)
	status := agenttest.Watch(s.Server, topics.ZedAgentStatus)
	apps := agenttest.Watch(s.Server, topics.AppInstanceConfig)
	s.zedagent()
	before := status.Await("loaded", loads(1))[types.StatusKey]
	apps.AwaitCall("restarted 1")
	apps.Calls()
	for _, test := range []struct{ name, text, want string }{
		{"half written", good[:len(good)/2], "unexpected end of JSON input"},
		{"empty", "", "the file is empty"},
		{"same application twice", own(t, func(cfg map[string]any) {
			cfg["apps"] = append(cfg["apps"].([]any), entry(cfg, "apps", 0))
		}), "apps[4].uuidandversion.uuid"},
	} {
		s.write(test.text)
		got := status.Await(test.name, func(v map[string]types.ZedAgentStatus) bool {
			return strings.Contains(v[types.StatusKey].Error, test.want)
		})[types.StatusKey]
		if got.FileState != types.ConfigFileInvalid || got.Source != types.ConfigSourceFile ||
			got.ConfigSHA256 != before.ConfigSHA256 || got.Loads != 1 {
			t.Errorf("%s: the status is %+v", test.name, got)
		}
	}
	s.remove()
	status.Await("missing", state(types.ConfigFileMissing, types.ConfigSourceFile))
	s.write(good)
	healed := status.Await("healed", state(types.ConfigFileValid, types.ConfigSourceFile))[types.StatusKey]
	if healed.Error != "" || healed.Refusals != 3 {
		t.Errorf("the status is %+v", healed)
	}
	if calls := apps.Calls(); len(calls) != 0 {
		t.Errorf("handlers were called: %v", calls)
	}
}

func TestOddEntriesArePublishedWithTheirError(t *testing.T) {
	s := newScene(t)
	s.write(own(t, func(cfg map[string]any) { delete(cfg, "datastores") }))
	status := agenttest.Watch(s.Server, topics.ZedAgentStatus)
	contents := agenttest.Watch(s.Server, topics.ContentTreeConfig)
	s.zedagent()
	got := status.Await("loaded", loads(1))[types.StatusKey]
	if got.WarningCount != 5 || len(got.Warnings) != 5 || !strings.Contains(got.Warnings[0], "contentInfo[0].dsId (line 1, column ") {
		t.Errorf("warnings: %d %q", got.WarningCount, got.Warnings)
	}
	contents.Await("errors", func(v map[string]types.ContentTreeConfig) bool {
		return len(v) == 4 && strings.Contains(v["000000e5-6e6b-4d65-8d6f-000000000001"].Error, "there is no datastore")
	})
}

func TestComesUpOnTheLastGoodConfigurationAfterAReboot(t *testing.T) {
	s := newScene(t)
	s.write(own(t, nil))
	// The subscribers end with the reboot, as all processes do.
	t.Run("before", func(t *testing.T) {
		status := agenttest.Watch(s.For(t), topics.ZedAgentStatus)
		stop := s.zedagent()
		status.Await("loaded", loads(1))
		s.write(own(t, func(cfg map[string]any) { cfg["deviceName"] = "the last good one" }))
		status.Await("loaded", loads(2))
		s.write("{")
		status.Await("refused", state(types.ConfigFileInvalid, types.ConfigSourceFile))
		stop()
	})
	s.Reboot(s.remove)
	status := agenttest.Watch(s.Server, topics.ZedAgentStatus)
	apps := agenttest.Watch(s.Server, topics.AppInstanceConfig)
	s.zedagent()
	got := status.Await("up", state(types.ConfigFileMissing, types.ConfigSourceSaved))[types.StatusKey]
	if got.DeviceName != "the last good one" || !strings.Contains(got.Error, "there is no such file") {
		t.Errorf("the status is %+v", got)
	}
	apps.Await("all", func(v map[string]types.AppInstanceConfig) bool { return len(v) == 4 })
	// The file comes back, changed: it takes over.
	s.write(own(t, func(cfg map[string]any) { cfg["apps"] = cfg["apps"].([]any)[:1] }))
	status.Await("from the file", state(types.ConfigFileValid, types.ConfigSourceFile))
	apps.Await("one", func(v map[string]types.AppInstanceConfig) bool { return len(v) == 1 })
}

func TestWithoutAnyConfigurationNothingIsInForce(t *testing.T) {
	s := newScene(t)
	status := agenttest.Watch(s.Server, topics.ZedAgentStatus)
	s.zedagent()
	status.Await("none", state(types.ConfigFileMissing, types.ConfigSourceNone))
	s.write("[]")
	status.Await("refused", state(types.ConfigFileInvalid, types.ConfigSourceNone))
	s.write(own(t, nil))
	status.Await("loaded", state(types.ConfigFileValid, types.ConfigSourceFile))
}

func TestARestartAdoptsWhatIsPublishedAndRemovesWhatIsStale(t *testing.T) {
	s := newScene(t)
	s.write(own(t, nil))
	status := agenttest.Watch(s.Server, topics.ZedAgentStatus)
	apps := agenttest.Watch(s.Server, topics.AppInstanceConfig)
	items := agenttest.Watch(s.Server, topics.ConfigItem)
	stop := s.zedagent()
	status.Await("loaded", loads(1))
	apps.AwaitCall("restarted 1")
	items.AwaitCall("restarted 1")
	stop()
	apps.Calls()
	items.Calls()
	// While nobody looks, an application goes.
	s.write(own(t, func(cfg map[string]any) { cfg["apps"] = cfg["apps"].([]any)[1:] }))
	s.zedagent()
	apps.AwaitCall("restarted 2")
	items.AwaitCall("restarted 2")
	if diff := cmp.Diff([]string{"delete 000000c3-6e6b-4d65-8d6f-000000000001", "restarted 2"}, apps.Calls()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"restarted 2"}, items.Calls()); diff != "" {
		t.Error(diff)
	}
}

func TestASecondInstanceWaitsUntilTheFirstLeaves(t *testing.T) {
	s := newScene(t)
	s.write(own(t, nil))
	apps := agenttest.Watch(s.Server, topics.AppInstanceConfig)
	stop := s.zedagent()
	apps.AwaitCall("restarted 1")
	s.zedagent()
	stop()
	apps.AwaitCall("restarted 2")
}

func TestAConfigurationTooLargeForOneValueIsToldByKey(t *testing.T) {
	s := newScene(t, func(o *server.Options) { o.MaxValue = 20 << 10 })
	s.write(own(t, func(cfg map[string]any) {
		entry(cfg, "apps", 0)["userData"] = strings.Repeat("A", 30<<10)
	}))
	status := agenttest.Watch(s.Server, topics.ZedAgentStatus)
	apps := agenttest.Watch(s.Server, topics.AppInstanceConfig)
	s.zedagent()
	got := status.Await("loaded", loads(1))[types.StatusKey]
	for _, what := range []string{"AppInstanceConfig.000000c3-6e6b-4d65-8d6f-000000000001", "save the configuration"} {
		if !slices.ContainsFunc(got.PublishErrors, func(e string) bool { return strings.Contains(e, what) }) {
			t.Errorf("%s is not among the publish errors: %q", what, got.PublishErrors)
		}
	}
	apps.Await("the others", func(v map[string]types.AppInstanceConfig) bool { return len(v) == 3 })
}

func TestOptionsAreChecked(t *testing.T) {
	s := agenttest.New(t)
	for _, opts := range []zedagent.Options{{Logger: s.Log}, {ConfigFile: "x"}} {
		a := s.Connect(topics.ZedAgent)
		if err := zedagent.Run(context.Background(), a, opts); !errors.Is(err, zedagent.ErrInvalidOption) {
			t.Errorf("%+v: got %v", opts, err)
		}
	}
}
