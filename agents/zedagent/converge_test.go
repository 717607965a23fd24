package zedagent_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/agents/zedagent/devconfig"
	"github.com/evenkv/nkv/pkg/agent/agenttest"
)

// view is every table of a configuration, as another agent sees it.
type view struct {
	status *agenttest.Table[types.ZedAgentStatus]
	awaits []func(what string, want devconfig.Tables)
}

func watch(s *scene) *view {
	v := &view{status: agenttest.Watch(s.Server, topics.ZedAgentStatus)}
	add(v, agenttest.Watch(s.Server, topics.PhysicalIOAdapter), func(t devconfig.Tables) map[string]types.PhysicalIOAdapter { return t.Adapters })
	add(v, agenttest.Watch(s.Server, topics.VLANAdapter), func(t devconfig.Tables) map[string]types.VLANAdapter { return t.VLANs })
	add(v, agenttest.Watch(s.Server, topics.BondAdapter), func(t devconfig.Tables) map[string]types.BondAdapter { return t.Bonds })
	add(v, agenttest.Watch(s.Server, topics.NetworkPortConfig), func(t devconfig.Tables) map[string]types.NetworkPortConfig { return t.Ports })
	add(v, agenttest.Watch(s.Server, topics.NetworkXObjectConfig), func(t devconfig.Tables) map[string]types.NetworkXObjectConfig { return t.Networks })
	add(v, agenttest.Watch(s.Server, topics.NetworkInstanceConfig), func(t devconfig.Tables) map[string]types.NetworkInstanceConfig { return t.NetworkInstances })
	add(v, agenttest.Watch(s.Server, topics.AppInstanceConfig), func(t devconfig.Tables) map[string]types.AppInstanceConfig { return t.Apps })
	add(v, agenttest.Watch(s.Server, topics.VolumeConfig), func(t devconfig.Tables) map[string]types.VolumeConfig { return t.Volumes })
	add(v, agenttest.Watch(s.Server, topics.ContentTreeConfig), func(t devconfig.Tables) map[string]types.ContentTreeConfig { return t.ContentTrees })
	add(v, agenttest.Watch(s.Server, topics.DatastoreConfig), func(t devconfig.Tables) map[string]types.DatastoreConfig { return t.Datastores })
	add(v, agenttest.Watch(s.Server, topics.ConfigItem), func(t devconfig.Tables) map[string]types.ConfigItem { return t.ConfigItems })
	return v
}

func add[T any](v *view, table *agenttest.Table[T], of func(devconfig.Tables) map[string]T) {
	v.awaits = append(v.awaits, func(what string, want devconfig.Tables) {
		table.Await(what, func(got map[string]T) bool { return reflect.DeepEqual(got, of(want)) })
	})
}

// becomes waits until every table is what the configuration says.
func (v *view) becomes(t *testing.T, what string, text []byte) {
	t.Helper()
	cfg, err := devconfig.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, await := range v.awaits {
		await(what, cfg.Tables)
	}
}

func TestRealConfigurationsOneAfterTheOther(t *testing.T) {
	files, err := filepath.Glob("../../../shared/data/device-config/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("no real configurations beside the repository")
	}
	s := newScene(t)
	v := watch(s)
	s.zedagent()
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s.write(string(data))
		v.becomes(t, filepath.Base(file), data)
	}
	v.status.Await("nothing refused", func(v map[string]types.ZedAgentStatus) bool {
		st := v[types.StatusKey]
		return st.Loads == len(files) && st.Refusals == 0 && st.WarningCount == 0 && len(st.PublishErrors) == 0
	})
}

func TestRandomChangesWithFaultsConverge(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := newScene(t)
	v := watch(s)
	stop := s.zedagent()
	for round := range 25 {
		text := own(t, func(cfg map[string]any) { thin(random, cfg) })
		switch random.IntN(8) {
		case 0: // the agent restarts
			stop()
			s.write(text)
			stop = s.zedagent()
		case 1:
			s.Restart(func() { s.write(text) })
		case 2:
			s.Kill(func() { s.write(text) })
		case 3:
			s.Refuse(topics.ZedAgent)
			s.write(text)
			s.Allow()
		default:
			s.write(text)
		}
		v.becomes(t, "round "+string(rune('a'+round)), []byte(text))
	}
}

// thin leaves out entries, and changes some of the others.
func thin(random *rand.Rand, cfg map[string]any) {
	for name, section := range cfg {
		list, ok := section.([]any)
		if !ok {
			continue
		}
		var kept []any
		for _, e := range list {
			if random.IntN(4) == 0 {
				continue
			}
			entry := e.(map[string]any)
			switch name {
			case "apps", "networkInstances":
				entry["activate"] = random.IntN(2) == 0
			case "configItems":
				entry["value"] = json.Number([]string{"1", "2", "3"}[random.IntN(3)])
			}
			kept = append(kept, entry)
		}
		cfg[name] = kept
	}
}
