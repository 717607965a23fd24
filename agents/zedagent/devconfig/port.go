package devconfig

import (
	"fmt"
	"net/netip"

	"github.com/evenkv/nkv/agents/types"
)

// maxCost is the highest cost of a port, as EVE-OS limits it.
const maxCost = 255

// ports reads the section systemAdapterList.
func (d *decoder) ports(o *object) {
	for a := range o.messages("systemAdapterList") {
		d.begin()
		p := types.NetworkPortConfig{
			LogicalLabel:            d.nameKey(a, "name", "port", a.str("name"), in(d.cfg.Tables.Ports)),
			Alias:                   a.str("alias"),
			AdapterLabel:            a.str("lowerLayerName"),
			IsMgmt:                  a.boolean("uplink"),
			Cost:                    a.uint32("cost"),
			SharedLabels:            a.texts("sharedLabels"),
			NetworkUUID:             d.refer(a, "networkUUID", "network", in(d.cfg.Tables.Networks)),
			Addr:                    a.portAddr("addr"),
			AllowLocalModifications: a.boolean("allowLocalModifications"),
		}
		a.take("freeUplink") // replaced by cost
		if p.Cost > maxCost {
			a.warn("cost", "%d is too high, costs go up to %d", p.Cost, maxCost)
		}
		for _, label := range p.SharedLabels {
			d.labels.shared[label] = true
		}
		d.portLink(a, &p)
		d.portNetwork(a, &p)
		keep(d, d.cfg.Tables.Ports, p.LogicalLabel, p,
			func(p *types.NetworkPortConfig) *string { return &p.Error })
	}
}

// portAddr reads a port's address; some write it with the subnet's length.
func (o *object) portAddr(name string) netip.Addr {
	if p, err := netip.ParsePrefix(o.str(name)); err == nil {
		return p.Addr()
	}
	return o.addr(name)
}

// portLink fills in what the port is made of.
func (d *decoder) portLink(a *object, p *types.NetworkPortConfig) {
	field := "lowerLayerName"
	if p.AdapterLabel == "" {
		field, p.AdapterLabel = "name", p.LogicalLabel
	}
	p.Kind = types.LinkPhysical
	if v, ok := d.cfg.Tables.VLANs[p.AdapterLabel]; ok {
		p.Kind, p.IfName, p.VLANID = types.LinkVLAN, v.IfName, v.VLANID
		if v.LowerLayerName != "" {
			p.LowerLayerNames = []string{v.LowerLayerName}
		}
		if lower := d.labels.links[v.LowerLayerName].ifName; p.IfName == "" && lower != "" {
			p.IfName = fmt.Sprintf("%s.%d", lower, v.VLANID) // the usual name of a VLAN's interface
		}
		return
	}
	if b, ok := d.cfg.Tables.Bonds[p.AdapterLabel]; ok {
		p.Kind, p.IfName, p.LowerLayerNames = types.LinkBond, b.IfName, b.LowerLayerNames
		return
	}
	io, ok := d.physical(p.AdapterLabel)
	switch {
	case !ok && p.AdapterLabel != "":
		a.warn(field, "there is no adapter %q", p.AdapterLabel)
	case ok && !io.Type.IsNetwork():
		a.warn(field, "adapter %q is not a network interface but %s", p.AdapterLabel, io.Type)
	}
	p.PhyLabel, p.IfName = io.PhyLabel, io.PhyAddrs.IfName
}

// physical finds an adapter by its logical label or, as older controllers
// have it, by its physical one.
func (d *decoder) physical(label string) (types.PhysicalIOAdapter, bool) {
	if io, ok := d.cfg.Tables.Adapters[label]; ok {
		return io, true
	}
	var found types.PhysicalIOAdapter
	matches := 0
	for _, io := range d.cfg.Tables.Adapters {
		if label != "" && io.PhyLabel == label {
			found = io
			matches++
		}
	}
	if matches != 1 {
		return types.PhysicalIOAdapter{}, false
	}
	return found, true
}

// portNetwork fills in what the port's network says.
func (d *decoder) portNetwork(a *object, p *types.NetworkPortConfig) {
	p.DHCP, p.NetworkType = types.DHCPNoop, types.NetworkNoop
	n, ok := d.cfg.Tables.Networks[p.NetworkUUID]
	if !ok {
		return // a dangling reference is filed by resolve
	}
	p.DHCP, p.NetworkType, p.Subnet, p.MTU = n.IP.DHCP, n.Type, n.IP.Subnet, n.MTU
	if p.DHCP != types.DHCPStatic {
		return
	}
	switch {
	case !p.Addr.IsValid():
		a.warn("addr", "network %s is static, the port needs an address", p.NetworkUUID)
	case p.Subnet.IsValid() && !p.Subnet.Contains(p.Addr):
		a.warn("addr", "%s lies outside the subnet %s of network %s", p.Addr, p.Subnet, p.NetworkUUID)
	}
}

// networks reads the section networks.
func (d *decoder) networks(o *object) {
	for n := range o.messages("networks") {
		d.begin()
		x := types.NetworkXObjectConfig{
			UUID:         d.uuidKey(n, "id", "network", in(d.cfg.Tables.Networks)),
			Type:         enum(n, "type", networkTypes),
			IP:           n.ip("ip"),
			DNSNameToIPs: n.names("dns"),
			Proxy:        n.proxy("entProxy"),
			Wireless:     n.wireless("wireless"),
			MTU:          n.uint32("mtu"),
		}
		if x.IP.DHCP == types.DHCPStatic {
			n.checkStatic(x.IP)
		}
		keep(d, d.cfg.Tables.Networks, x.UUID, x,
			func(x *types.NetworkXObjectConfig) *string { return &x.Error })
	}
}

// checkStatic warns about a static network that can't work.
func (o *object) checkStatic(cfg types.IPConfig) {
	ip := o.message("ip")
	switch {
	case !cfg.Subnet.IsValid():
		ip.warn("subnet", "a static network needs a subnet")
	case cfg.Gateway.IsValid() && !cfg.Gateway.IsUnspecified() && !cfg.Subnet.Contains(cfg.Gateway):
		ip.warn("gateway", "%s lies outside the subnet %s", cfg.Gateway, cfg.Subnet)
	}
}

func (o *object) proxy(name string) types.ProxyConfig {
	p := o.message(name)
	cfg := types.ProxyConfig{
		Exceptions:         p.str("exceptions"),
		Pacfile:            p.str("pacfile"),
		NetworkProxyEnable: p.boolean("networkProxyEnable"),
		NetworkProxyURL:    p.str("networkProxyURL"),
		ProxyCertPEM:       p.pems("proxyCertPEM"),
	}
	for s := range p.messages("proxies") {
		entry := types.ProxyEntry{Type: enum(s, "proto", proxyProtos), Server: s.str("server"), Port: s.port("port")}
		if entry.Server == "" {
			s.warn("server", "a proxy needs a server")
		}
		cfg.Proxies = append(cfg.Proxies, entry)
	}
	return cfg
}

func (o *object) wireless(name string) types.WirelessConfig {
	if !o.has(name) {
		o.take(name)
		return types.WirelessConfig{}
	}
	w := o.message(name)
	cfg := types.WirelessConfig{Type: enum(w, "type", wirelessTypes)}
	for c := range w.messages("cellularCfg") {
		modem := types.CellularConfig{
			APN:              c.str("APN"),
			LocationTracking: c.boolean("locationTracking"),
			ActivatedSIMSlot: c.uint32("activatedSimSlot"),
		}
		for p := range c.messages("accessPoints") {
			modem.AccessPoints = append(modem.AccessPoints, types.CellularAccessPoint{
				SIMSlot:        p.uint32("simSlot"),
				APN:            p.str("apn"),
				ForbidRoaming:  p.boolean("forbidRoaming"),
				PreferredPLMNs: p.texts("preferredPlmns"),
				Credentials:    p.cipher("cipherData"),
			})
		}
		cfg.Cellular = append(cfg.Cellular, modem)
	}
	for c := range w.messages("wifiCfg") {
		cfg.Wifi = append(cfg.Wifi, types.WifiConfig{
			SSID:        c.str("wifiSSID"),
			KeyScheme:   enum(c, "keyScheme", wifiKeys),
			Identity:    c.str("identity"),
			Priority:    c.int32("priority"),
			Credentials: c.cipher("cipherData"),
		})
	}
	return cfg
}
