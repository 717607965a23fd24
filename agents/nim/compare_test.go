package nim_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkv/nkv/agents/nim"
	"github.com/evenkv/nkv/agents/types"
)

var samePrefix = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

func prefixes(texts ...string) []netip.Prefix {
	var list []netip.Prefix
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

// eth is an interface that works.
func eth(name string, addrs ...string) types.HostInterface {
	return types.HostInterface{Name: name, MTU: 1500, AdminUp: true, Carrier: true, MAC: "02:00:00:00:00:01", Addrs: prefixes(addrs...)}
}

func TestCompareOnePort(t *testing.T) {
	physical := func(change func(*types.NetworkPortConfig)) types.NetworkPortConfig {
		p := types.NetworkPortConfig{LogicalLabel: "p", Kind: types.LinkPhysical, IfName: "eth0", DHCP: types.DHCPClient}
		if change != nil {
			change(&p)
		}
		return p
	}
	vlan := types.NetworkPortConfig{
		LogicalLabel: "p", Kind: types.LinkVLAN, IfName: "eth0.20", LowerLayerNames: []string{"wire"}, VLANID: 20,
	}
	off, loose := eth("eth0", "10.0.0.2/8"), eth("eth0", "10.0.0.2/8")
	off.AdminUp, off.Carrier, loose.Carrier = false, false, false
	tests := []struct {
		name        string
		port        types.NetworkPortConfig
		there       []types.HostInterface
		present, up bool
		want        string
	}{
		{"as wanted", physical(nil), []types.HostInterface{eth("eth0", "10.0.0.2/8")}, true, true, ""},
		{"not there", physical(nil), nil, false, false, "eth0: no such interface"},
		{"switched off", physical(nil), []types.HostInterface{off}, true, false, "eth0: switched off"},
		{"no link", physical(nil), []types.HostInterface{loose}, true, false, "eth0: no link"},
		{"no address yet", physical(nil), []types.HostInterface{eth("eth0", "fe80::1/64")}, true, true, "eth0: no address"},
		{"no address wanted", physical(func(p *types.NetworkPortConfig) { p.DHCP = types.DHCPNone }),
			[]types.HostInterface{eth("eth0")}, true, true, ""},
		{"another static address", physical(func(p *types.NetworkPortConfig) {
			p.DHCP, p.Addr = types.DHCPStatic, netip.MustParseAddr("10.0.0.3")
		}), []types.HostInterface{eth("eth0", "10.0.0.2/8")}, true, true, "eth0: does not have the address 10.0.0.3"},
		{"another MTU", physical(func(p *types.NetworkPortConfig) { p.MTU = 9000 }),
			[]types.HostInterface{eth("eth0", "10.0.0.2/8")}, true, true, "eth0: the MTU is 1500, 9000 is wanted"},
		{"no interface named", physical(func(p *types.NetworkPortConfig) { p.IfName = "" }),
			[]types.HostInterface{eth("eth0")}, false, false, "the configuration names no interface"},
		{"odd configuration", physical(func(p *types.NetworkPortConfig) { p.Error = "there is no network" }),
			[]types.HostInterface{eth("eth0", "10.0.0.2/8")}, true, true, "configuration: there is no network"},
		{"VLAN to be made", vlan, []types.HostInterface{eth("eth0")}, false, false,
			"eth0.20: no such interface, below it eth0 is there"},
		{"VLAN on nothing", vlan, nil, false, false, "eth0.20: no such interface, below it eth0 is missing too"},
	}
	adapters := map[string]types.PhysicalIOAdapter{"wire": {LogicalLabel: "wire", PhyAddrs: types.PhysicalAddress{IfName: "eth0"}}}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := nim.Wanted{Ports: map[string]types.NetworkPortConfig{"p": test.port}, Adapters: adapters}
			ports, device := nim.Compare(want, test.there)
			got := ports["p"]
			if got.Error != test.want || got.Up != test.up || got.Present != test.present {
				t.Errorf("got error %q, up %v, present %v; want %q, %v, %v",
					got.Error, got.Up, got.Present, test.want, test.up, test.present)
			}
			if (device.Up == 1) != test.up || len(device.Errors) > 0 != (test.want != "") {
				t.Errorf("the device's status is %+v", device)
			}
		})
	}
}

func TestCompareSumsUp(t *testing.T) {
	want := nim.Wanted{
		Ports: map[string]types.NetworkPortConfig{
			"b":    {LogicalLabel: "b", IfName: "bond0", Kind: types.LinkBond, LowerLayerNames: []string{"one", "two"}},
			"a":    {LogicalLabel: "a", IfName: "eth0", IsMgmt: true, DHCP: types.DHCPClient},
			"gone": {LogicalLabel: "gone", IfName: "eth9", IsMgmt: true},
		},
		Adapters: map[string]types.PhysicalIOAdapter{
			"one": {PhyAddrs: types.PhysicalAddress{IfName: "eth1"}}, "two": {PhyAddrs: types.PhysicalAddress{IfName: "eth2"}},
		},
	}
	ports, device := nim.Compare(want, []types.HostInterface{eth("bond0"), eth("eth0", "192.0.2.7/24"), eth("eth1"), eth("lo", "127.0.0.1/8")})
	wantDevice := types.DeviceNetworkStatus{
		Wanted: 3, Present: 2, Up: 2, MgmtUp: 1,
		Errors:     []string{"port gone: eth9: no such interface"},
		Interfaces: []types.HostInterface{eth("bond0"), eth("eth0", "192.0.2.7/24"), eth("eth1"), eth("lo", "127.0.0.1/8")},
	}
	wantDevice.Interfaces[0].Ports = []string{"b"}
	wantDevice.Interfaces[1].Ports = []string{"a"}
	if diff := cmp.Diff(wantDevice, device, samePrefix); diff != "" {
		t.Error(diff)
	}
	wantLower := []types.LowerLayerStatus{
		{LogicalLabel: "one", IfName: "eth1", Present: true, Up: true}, {LogicalLabel: "two", IfName: "eth2"},
	}
	if diff := cmp.Diff(wantLower, ports["b"].LowerLayers); diff != "" {
		t.Error(diff)
	}
}
