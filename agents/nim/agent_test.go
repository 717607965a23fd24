package nim_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/agents/nim"
	"github.com/evenkv/nkv/agents/nim/netif"
	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/pkg/agent"
	"github.com/evenkv/nkv/pkg/agent/agenttest"
)

// scene is a device whose interfaces a file lists and whose ports the test
// publishes in zedagent's stead.
type scene struct {
	*agenttest.Server
	t     *testing.T
	file  string
	ports *agenttest.Publication[types.NetworkPortConfig]
}

func newScene(t *testing.T) *scene {
	t.Helper()
	return &scene{Server: agenttest.New(t), t: t, file: filepath.Join(t.TempDir(), "interfaces.json")}
}

// zedagent opens the tables that nim reads.
func (s *scene) zedagent() {
	s.t.Helper()
	s.ports = agenttest.Publish(s.Server, topics.NetworkPortConfig)
	s.ports.Restarted()
	agenttest.Publish(s.Server, topics.PhysicalIOAdapter).Restarted()
	agenttest.Publish(s.Server, topics.VLANAdapter).Restarted()
	agenttest.Publish(s.Server, topics.BondAdapter).Restarted()
}

func (s *scene) nim() (stop func()) {
	s.t.Helper()
	return s.Start(topics.NIM, func(ctx context.Context, a *agent.Agent) error {
		source, err := netif.Open(s.file, s.Log)
		if err != nil {
			return err
		}
		return nim.Run(ctx, a, nim.Options{Interfaces: source, Logger: s.Log})
	})
}

func (s *scene) wantPort(label, ifName string) {
	s.t.Helper()
	s.ports.Put(label, types.NetworkPortConfig{
		LogicalLabel: label, IfName: ifName, Kind: types.LinkPhysical, DHCP: types.DHCPNone,
	})
}

func (s *scene) interfaces(list ...types.HostInterface) {
	s.t.Helper()
	data, err := json.Marshal(list)
	if err == nil {
		err = os.WriteFile(s.file+".new", data, 0o644)
	}
	if err == nil {
		err = os.Rename(s.file+".new", s.file)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func portIs(label, problem string) func(map[string]types.NetworkPortStatus) bool {
	return func(v map[string]types.NetworkPortStatus) bool {
		s, ok := v[label]
		return ok && s.Error == problem
	}
}

func TestStatusFollowsBothSides(t *testing.T) {
	s := newScene(t)
	ports := agenttest.Watch(s.Server, topics.NetworkPortStatus)
	device := agenttest.Watch(s.Server, topics.DeviceNetworkStatus)
	s.nim() // before zedagent: the order does not matter
	s.zedagent()
	s.wantPort("a", "eth0")
	ports.Await("missing", portIs("a", "eth0: no such interface"))
	s.interfaces(eth("eth0", "10.0.0.2/8"))
	ports.Await("up", portIs("a", ""))
	off := eth("eth0")
	off.AdminUp = false
	s.interfaces(off, eth("eth1"))
	ports.Await("switched off", portIs("a", "eth0: switched off"))
	s.wantPort("b", "eth1")
	ports.Await("another port", portIs("b", ""))
	device.Await("summary", func(v map[string]types.DeviceNetworkStatus) bool {
		d := v[types.StatusKey]
		return d.Wanted == 2 && d.Present == 2 && d.Up == 1 && len(d.Errors) == 1 && d.Source == s.file
	})
	s.wantPort("a", "eth1")
	ports.Await("moved", portIs("a", ""))
	s.ports.Delete("a")
	ports.Await("removed", func(v map[string]types.NetworkPortStatus) bool { return len(v) == 1 })
}

func TestAnUnreadableListLeavesTheStatusAndSaysWhy(t *testing.T) {
	s := newScene(t)
	ports := agenttest.Watch(s.Server, topics.NetworkPortStatus)
	device := agenttest.Watch(s.Server, topics.DeviceNetworkStatus)
	s.interfaces(eth("eth0"))
	s.zedagent()
	s.wantPort("a", "eth0")
	s.nim()
	ports.Await("up", portIs("a", ""))
	if err := os.WriteFile(s.file, []byte(`[{"Name":"eth0"`), 0o644); err != nil {
		t.Fatal(err)
	}
	device.Await("error", func(v map[string]types.DeviceNetworkStatus) bool {
		d := v[types.StatusKey]
		return d.Error != "" && d.Up == 1
	})
	s.interfaces(eth("eth0"))
	device.Await("healed", func(v map[string]types.DeviceNetworkStatus) bool { return v[types.StatusKey].Error == "" })
	for _, call := range ports.Calls() {
		if call == "delete a" || call == "modify a" {
			t.Errorf("the port's status changed: %s", call)
		}
	}
}

func TestARestartInventsNothing(t *testing.T) {
	s := newScene(t)
	ports := agenttest.Watch(s.Server, topics.NetworkPortStatus)
	s.interfaces(eth("eth0"), eth("eth1"))
	s.zedagent()
	s.wantPort("a", "eth0")
	s.wantPort("b", "eth1")
	stop := s.nim()
	ports.AwaitCall("restarted 1")
	ports.Await("both", func(v map[string]types.NetworkPortStatus) bool { return len(v) == 2 })
	stop()
	ports.Calls()
	s.ports.Delete("b")
	s.nim()
	ports.AwaitCall("restarted 2")
	if diff := cmp.Diff([]string{"delete b", "restarted 2"}, ports.Calls()); diff != "" {
		t.Error(diff)
	}
}

func TestAListThatNeverCouldBeReadLeavesTheFormerStatus(t *testing.T) {
	s := newScene(t)
	ports := agenttest.Watch(s.Server, topics.NetworkPortStatus)
	device := agenttest.Watch(s.Server, topics.DeviceNetworkStatus)
	s.interfaces(eth("eth0"))
	s.zedagent()
	s.wantPort("a", "eth0")
	stop := s.nim()
	ports.AwaitCall("restarted 1")
	ports.Await("up", portIs("a", ""))
	stop()
	ports.Calls()
	if err := os.WriteFile(s.file, []byte("[{"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.nim()
	device.Await("error", func(v map[string]types.DeviceNetworkStatus) bool { return v[types.StatusKey].Error != "" })
	ports.AwaitCall("restarted 2")
	s.interfaces(eth("eth1"))
	ports.Await("missing", portIs("a", "eth0: no such interface"))
	if diff := cmp.Diff([]string{"restarted 2", "modify a"}, ports.Calls()); diff != "" {
		t.Error(diff)
	}
}

func TestTheHostsOwnInterfaces(t *testing.T) {
	s := newScene(t)
	device := agenttest.Watch(s.Server, topics.DeviceNetworkStatus)
	s.zedagent()
	s.wantPort("loopback", "lo")
	s.Start(topics.NIM, func(ctx context.Context, a *agent.Agent) error {
		return nim.Run(ctx, a, nim.Options{Interfaces: netif.NewHost(s.Log), Logger: s.Log})
	})
	device.Await("the loopback interface", func(v map[string]types.DeviceNetworkStatus) bool {
		d := v[types.StatusKey]
		return d.Present == 1 && d.Source == "host" && len(d.Interfaces) > 0
	})
}
