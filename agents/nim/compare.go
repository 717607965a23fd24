package nim

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/evenkv/nkv/agents/types"
)

// Wanted is what the configuration says about the device's network.
type Wanted struct {
	// Ports are the wanted ports by logical label.
	Ports map[string]types.NetworkPortConfig
	// Adapters, VLANs and Bonds are what ports are made of, by logical label.
	Adapters map[string]types.PhysicalIOAdapter
	VLANs    map[string]types.VLANAdapter
	Bonds    map[string]types.BondAdapter
}

// Compare compares the wanted ports with the interfaces that there are. The
// result depends on nothing else and shares no memory with the arguments; the
// fields Source and Error of the device's status are left to the caller.
func Compare(want Wanted, there []types.HostInterface) (map[string]types.NetworkPortStatus, types.DeviceNetworkStatus) {
	interfaces := map[string]types.HostInterface{}
	for _, i := range there {
		interfaces[i.Name] = i
	}
	ports := make(map[string]types.NetworkPortStatus, len(want.Ports))
	device := types.DeviceNetworkStatus{Wanted: len(want.Ports)}
	users := map[string][]string{}
	for _, label := range slices.Sorted(maps.Keys(want.Ports)) {
		port := comparePort(want, want.Ports[label], interfaces)
		ports[label] = port
		if port.IfName != "" {
			users[port.IfName] = append(users[port.IfName], label)
		}
		if port.Present {
			device.Present++
		}
		if port.Up {
			device.Up++
		}
		if port.Up && port.IsMgmt && hasGlobal(port.Addrs) {
			device.MgmtUp++
		}
		if port.Error != "" {
			device.Errors = append(device.Errors, "port "+label+": "+port.Error)
		}
	}
	for _, i := range there {
		i.Addrs = slices.Clone(i.Addrs)
		i.Ports = users[i.Name]
		device.Interfaces = append(device.Interfaces, i)
	}
	return ports, device
}

func comparePort(want Wanted, p types.NetworkPortConfig, interfaces map[string]types.HostInterface) types.NetworkPortStatus {
	status := types.NetworkPortStatus{
		LogicalLabel: p.LogicalLabel,
		IfName:       p.IfName,
		Kind:         p.Kind,
		IsMgmt:       p.IsMgmt,
	}
	for _, lower := range p.LowerLayerNames {
		status.LowerLayers = append(status.LowerLayers, compareLower(want, lower, interfaces))
	}
	i, present := interfaces[p.IfName]
	if present {
		status.Present, status.Up = true, i.AdminUp && i.Carrier
		status.MAC, status.MTU, status.Addrs = i.MAC, i.MTU, slices.Clone(i.Addrs)
	}
	var problems []string
	if p.Error != "" {
		problems = append(problems, "configuration: "+p.Error)
	}
	switch {
	case p.IfName == "":
		problems = append(problems, "the configuration names no interface")
	case !present:
		problems = append(problems, absent(p, status.LowerLayers))
	default:
		problems = append(problems, differences(p, i)...)
	}
	status.Error = strings.Join(problems, "; ")
	return status
}

func compareLower(want Wanted, label string, interfaces map[string]types.HostInterface) types.LowerLayerStatus {
	lower := types.LowerLayerStatus{LogicalLabel: label}
	if a, ok := want.Adapters[label]; ok {
		lower.IfName = a.PhyAddrs.IfName
	} else if b, ok := want.Bonds[label]; ok {
		lower.IfName = b.IfName
	} else if v, ok := want.VLANs[label]; ok {
		lower.IfName = v.IfName
	}
	if i, ok := interfaces[lower.IfName]; ok {
		lower.Present, lower.Up = true, i.AdminUp && i.Carrier
	}
	return lower
}

// absent says that the port's interface is not there, and what is there to
// make it of.
func absent(p types.NetworkPortConfig, lower []types.LowerLayerStatus) string {
	text := p.IfName + ": no such interface"
	for _, l := range lower {
		switch {
		case l.IfName == "":
			text += fmt.Sprintf(", below it %q names none", l.LogicalLabel)
		case l.Present:
			text += fmt.Sprintf(", below it %s is there", l.IfName)
		default:
			text += fmt.Sprintf(", below it %s is missing too", l.IfName)
		}
	}
	return text
}

// differences lists what keeps the interface from being the wanted port.
func differences(p types.NetworkPortConfig, i types.HostInterface) []string {
	var list []string
	add := func(format string, args ...any) { list = append(list, i.Name+": "+fmt.Sprintf(format, args...)) }
	switch {
	case !i.AdminUp:
		add("switched off")
	case !i.Carrier:
		add("no link")
	}
	if p.MTU != 0 && int(p.MTU) != i.MTU {
		add("the MTU is %d, %d is wanted", i.MTU, p.MTU)
	}
	switch p.DHCP {
	case types.DHCPStatic:
		if p.Addr.IsValid() && !slices.ContainsFunc(i.Addrs, func(a netip.Prefix) bool { return a.Addr() == p.Addr }) {
			add("does not have the address %s", p.Addr)
		}
	case types.DHCPClient:
		if !hasGlobal(i.Addrs) {
			add("no address")
		}
	}
	return list
}

// hasGlobal reports whether one of the addresses reaches beyond the link.
func hasGlobal(addrs []netip.Prefix) bool {
	return slices.ContainsFunc(addrs, func(a netip.Prefix) bool { return a.Addr().IsGlobalUnicast() })
}
