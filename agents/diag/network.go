package diag

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/evenkv/nkv/agents/types"
)

// NetworkStateDoc sums up the network.
type NetworkStateDoc struct {
	Wanted     int      `json:"wanted"`
	Present    int      `json:"present"`
	Up         int      `json:"up"`
	MgmtUp     int      `json:"mgmtUp"`
	Interfaces []string `json:"interfaces"`
	Source     string   `json:"source"`
	Error      string   `json:"error"`
}

// PortDoc is one port: what is wanted and what is there.
type PortDoc struct {
	Label     string         `json:"label"`
	Kind      types.LinkKind `json:"kind"`
	Interface string         `json:"interface"`
	Mgmt      bool           `json:"mgmt"`
	Cost      uint32         `json:"cost"`
	DHCP      types.DHCPType `json:"dhcp"`
	Network   string         `json:"network"`
	Labels    []string       `json:"sharedLabels"`
	// Configured is false for a status without a configuration, which lasts
	// only until nim has heard of its removal.
	Configured bool `json:"configured"`
	// Known is false until nim has published the port's status.
	Known   bool           `json:"known"`
	Present bool           `json:"present"`
	Up      bool           `json:"up"`
	MAC     string         `json:"mac"`
	MTU     int            `json:"mtu"`
	Addrs   []netip.Prefix `json:"addrs"`
	Error   string         `json:"error"`
}

// AdapterDoc is one adapter: physical, VLAN or bond.
type AdapterDoc struct {
	Label     string   `json:"label"`
	Type      string   `json:"type"`
	Usage     string   `json:"usage"`
	Interface string   `json:"interface"`
	Group     string   `json:"group"`
	Below     []string `json:"below"`
	Error     string   `json:"error"`
}

// NetworkDoc is one network.
type NetworkDoc struct {
	UUID    string            `json:"uuid"`
	Type    types.NetworkType `json:"type"`
	DHCP    types.DHCPType    `json:"dhcp"`
	Subnet  netip.Prefix      `json:"subnet"`
	Gateway netip.Addr        `json:"gateway"`
	Proxies int               `json:"proxies"`
	Error   string            `json:"error"`
}

// InstanceDoc is one network instance.
type InstanceDoc struct {
	UUID   string                    `json:"uuid"`
	Name   string                    `json:"name"`
	Type   types.NetworkInstanceType `json:"type"`
	Active bool                      `json:"active"`
	Port   string                    `json:"port"`
	Subnet netip.Prefix              `json:"subnet"`
	Apps   int                       `json:"apps"`
	Error  string                    `json:"error"`
}

func networkState(n types.DeviceNetworkStatus) NetworkStateDoc {
	doc := NetworkStateDoc{
		Wanted: n.Wanted, Present: n.Present, Up: n.Up, MgmtUp: n.MgmtUp,
		Interfaces: []string{}, Source: n.Source, Error: n.Error,
	}
	for _, i := range n.Interfaces {
		doc.Interfaces = append(doc.Interfaces, i.Name)
	}
	return doc
}

func (m *Model) portDocs() []PortDoc {
	return sorted(union(m.Ports, m.PortStatus), func(label string, _ bool) PortDoc {
		p, configured := m.Ports[label]
		s, known := m.PortStatus[label]
		return PortDoc{
			Label: label, Kind: p.Kind, Interface: cmp.Or(p.IfName, s.IfName), Mgmt: p.IsMgmt, Cost: p.Cost,
			DHCP: p.DHCP, Network: p.NetworkUUID, Labels: list(p.SharedLabels),
			Configured: configured, Known: known,
			Present: s.Present, Up: s.Up, MAC: s.MAC, MTU: s.MTU, Addrs: list(s.Addrs),
			Error: cmp.Or(s.Error, p.Error),
		}
	}, func(d PortDoc) string { return d.Label })
}

func (m *Model) adapterDocs() []AdapterDoc {
	label := func(d AdapterDoc) string { return d.Label }
	docs := sorted(m.Adapters, func(key string, a types.PhysicalIOAdapter) AdapterDoc {
		return AdapterDoc{
			Label: key, Type: string(a.Type), Usage: string(a.Usage),
			Interface: a.PhyAddrs.IfName, Group: a.AssignGroup, Below: []string{}, Error: a.Error,
		}
	}, label)
	docs = append(docs, sorted(m.VLANs, func(key string, a types.VLANAdapter) AdapterDoc {
		return AdapterDoc{
			Label: key, Type: fmt.Sprintf("VLAN %d", a.VLANID), Interface: a.IfName,
			Below: []string{a.LowerLayerName}, Error: a.Error,
		}
	}, label)...)
	return append(docs, sorted(m.Bonds, func(key string, a types.BondAdapter) AdapterDoc {
		return AdapterDoc{
			Label: key, Type: string(a.Mode), Interface: a.IfName, Below: list(a.LowerLayerNames), Error: a.Error,
		}
	}, label)...)
}

func networkDoc(key string, n types.NetworkXObjectConfig) NetworkDoc {
	return NetworkDoc{
		UUID: key, Type: n.Type, DHCP: n.IP.DHCP, Subnet: n.IP.Subnet, Gateway: n.IP.Gateway,
		Proxies: len(n.Proxy.Proxies), Error: redact(n.Error),
	}
}

func (m *Model) instanceDoc(key string, n types.NetworkInstanceConfig) InstanceDoc {
	users := 0
	for _, app := range m.Apps {
		if slices.ContainsFunc(app.NetworkAdapters, func(a types.AppNetAdapterConfig) bool { return a.NetworkID == key }) {
			users++
		}
	}
	return InstanceDoc{
		UUID: key, Name: n.DisplayName, Type: n.Type, Active: n.Activate,
		Port: n.PortLabel, Subnet: n.IP.Subnet, Apps: users, Error: n.Error,
	}
}

// headline sums up the network.
func (n NetworkStateDoc) headline() cell {
	if n.Source == "" {
		return cell{"network unknown: nim has not published yet", bad}
	}
	c := cell{fmt.Sprintf("network %d of %d ports up, %d missing, %d for management",
		n.Up, n.Wanted, n.Wanted-n.Present, n.MgmtUp), good}
	if n.Up < n.Wanted {
		c.style = bad
	}
	return c
}

func (p PortDoc) state() cell {
	switch {
	case !p.Configured:
		return cell{"removed", faint}
	case !p.Known:
		return cell{"unknown", faint}
	case !p.Present:
		return cell{"missing", bad}
	case !p.Up:
		return cell{"down", bad}
	}
	return cell{"up", good}
}

func addrs(list []netip.Prefix) cell {
	texts := make([]string, len(list))
	for i, a := range list {
		texts[i] = a.String()
	}
	return join(texts)
}

func subnet(p netip.Prefix) cell {
	if !p.IsValid() {
		return cell{"-", faint}
	}
	return text(p.String())
}

func (d Document) portSection() table {
	t := table{title: "Ports",
		header: []string{"LABEL", "STATE", "INTERFACE", "ADDRESSES", "DHCP", "USE", "STATUS"}}
	for _, p := range d.Ports {
		use := "apps"
		if p.Mgmt {
			use = "mgmt"
		}
		t.add(text(p.Label), p.state(), text(p.Interface), addrs(p.Addrs),
			text(string(p.DHCP)), text(use), trouble(p.Error))
	}
	return t
}

func (d Document) networkSections() []table {
	instances := table{title: "Network instances",
		header: []string{"NAME", "STATE", "PORT", "SUBNET", "APPS", "TYPE", "STATUS"}}
	for _, n := range d.NetworkInstances {
		instances.add(text(n.Name), active(n.Active), text(n.Port), subnet(n.Subnet),
			number(n.Apps), text(strings.TrimPrefix(string(n.Type), "ZnetInst")), trouble(n.Error))
	}
	networks := table{title: "Networks",
		header: []string{"UUID", "DHCP", "SUBNET", "TYPE", "PROXIES", "STATUS"}}
	for _, n := range d.Networks {
		networks.add(text(n.UUID), text(string(n.DHCP)), subnet(n.Subnet),
			text(string(n.Type)), number(n.Proxies), trouble(n.Error))
	}
	adapters := table{title: "Adapters",
		header: []string{"LABEL", "TYPE", "INTERFACE", "BELOW", "USAGE", "STATUS"}}
	for _, a := range d.Adapters {
		adapters.add(text(a.Label), text(strings.TrimPrefix(a.Type, "PhyIo")),
			text(a.Interface), join(a.Below), text(strings.TrimPrefix(a.Usage, "PhyIoUsage")), trouble(a.Error))
	}
	return []table{instances, networks, adapters}
}
