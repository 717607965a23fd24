package devconfig

import "github.com/evenkv/nkv/agents/types"

// instances reads the section networkInstances.
func (d *decoder) instances(o *object) {
	for i := range o.messages("networkInstances") {
		d.begin()
		key, version := d.version(i, "network instance", in(d.cfg.Tables.NetworkInstances))
		n := types.NetworkInstanceConfig{
			UUID:                     key,
			Version:                  version,
			DisplayName:              i.str("displayname"),
			Type:                     enum(i, "instType", instanceTypes),
			IPType:                   enum(i, "ipType", addressTypes),
			Activate:                 i.boolean("activate"),
			IP:                       i.ip("ip"),
			DNSNameToIPs:             i.names("dns"),
			PropagateConnectedRoutes: i.boolean("propagateConnectedRoutes"),
			BPDUGuardLabel:           d.referLabel(i.message("stp"), "portsWithBpduGuard"),
			MTU:                      i.uint32("mtu"),
			DisableFlowlog:           i.boolean("disableFlowlog"),
			ForwardLLDP:              i.boolean("forwardLldp"),
		}
		port := i.message("port")
		port.take("type") // told by the adapter itself
		i.take("cfg")     // settings of kinds that are not built any more
		n.PortLabel = d.referLabel(port, "name")
		for r := range i.messages("staticRoutes") {
			n.StaticRoutes = append(n.StaticRoutes, d.route(r))
		}
		for v := range i.messages("vlanAccessPorts") {
			n.VLANAccessPorts = append(n.VLANAccessPorts,
				types.VLANAccessPort{VLANID: v.vlan("vlanId"), PortLabel: d.referLabel(v, "accessPort")})
		}
		keep(d, d.cfg.Tables.NetworkInstances, key, n,
			func(n *types.NetworkInstanceConfig) *string { return &n.Error })
	}
}

func (d *decoder) route(r *object) types.IPRouteConfig {
	route := types.IPRouteConfig{
		DstNetwork:               r.prefix("destinationNetwork"),
		Gateway:                  r.addr("gateway"),
		OutputPortLabel:          d.referLabel(r, "port"),
		PreferLowerCost:          r.boolean("preferLowerCost"),
		PreferStrongerWWANSignal: r.boolean("preferStrongerWwanSignal"),
	}
	if !r.has("destinationNetwork") {
		r.warn("destinationNetwork", "a route needs a destination")
	}
	probe := r.message("probe")
	custom := probe.message("customProbe")
	endpoint := custom.message("probeEndpoint")
	route.Probe = types.PortProbe{
		EnabledGwPing: probe.boolean("enableGwPing"),
		GwPingMaxCost: probe.uint32("gwPingMaxCost"),
		Host:          endpoint.str("host"),
		Port:          endpoint.port("port"),
	}
	if custom.has("probeMethod") {
		route.Probe.Method = enum(custom, "probeMethod", probeMethods)
	}
	return route
}
