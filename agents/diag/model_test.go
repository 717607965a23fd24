package diag_test

import (
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/evenkv/nkv/agents/diag"
	"github.com/evenkv/nkv/agents/nim"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/agents/zedagent/devconfig"
)

// device is the model of a device that runs the configuration beside zedagent
// on a host with a few interfaces.
func device(t *testing.T) *diag.Model {
	t.Helper()
	data, err := os.ReadFile("../zedagent/device.json")
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := devconfig.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	m := diag.NewModel()
	m.Adapters, m.VLANs, m.Bonds = cfg.Tables.Adapters, cfg.Tables.VLANs, cfg.Tables.Bonds
	m.Ports, m.Networks, m.NetworkInstances = cfg.Tables.Ports, cfg.Tables.Networks, cfg.Tables.NetworkInstances
	m.Apps, m.Volumes, m.ContentTrees = cfg.Tables.Apps, cfg.Tables.Volumes, cfg.Tables.ContentTrees
	m.Datastores, m.ConfigItems = cfg.Tables.Datastores, cfg.Tables.ConfigItems
	m.ZedAgent[types.StatusKey] = types.ZedAgentStatus{
		DeviceID: cfg.DeviceID, DeviceName: cfg.DeviceName, ConfigVersion: cfg.Version,
		ConfigFile: "/config/device.json", FileState: types.ConfigFileInvalid, Source: types.ConfigSourceFile,
		ConfigSHA256: "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
		Error:        "apps[0].activate (line 7, column 3): true or false is expected, this is a text",
		LastLoad:     time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC),
	}
	m.LastGood[types.StatusKey] = types.LastGoodConfig{SHA256: "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"}
	ports, network := nim.Compare(
		nim.Wanted{Ports: m.Ports, Adapters: m.Adapters, VLANs: m.VLANs, Bonds: m.Bonds},
		[]types.HostInterface{
			{Name: "eth0", MAC: "02:00:00:00:00:01", MTU: 1500, AdminUp: true, Carrier: true,
				Addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.17/24"), netip.MustParsePrefix("2001:db8::17/64")}},
			{Name: "lo", MTU: 65536, AdminUp: true, Carrier: true, Loopback: true,
				Addrs: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8")}},
		})
	network.Source = "host"
	m.PortStatus, m.DeviceNetwork[types.StatusKey] = ports, network
	m.Tables = []diag.TableState{
		{Table: "zedagent.AppInstanceConfig", Owner: "zedagent", Synchronized: true, Keys: 3, Restarts: 1},
		{Table: "nim.NetworkPortStatus", Owner: "nim", Keys: 3},
	}
	workload(m)
	return m
}
