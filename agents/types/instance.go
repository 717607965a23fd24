package types

import "net/netip"

// NetworkInstanceConfig is one virtual network for applications. Its key is
// its UUID.
//
//nkv:table owner=zedagent
type NetworkInstanceConfig struct {
	// UUID is the network instance's id.
	UUID string
	// Version is the controller's version of this part of the configuration.
	Version string
	// DisplayName is a name for people.
	DisplayName string
	// Type is the kind of network.
	Type NetworkInstanceType
	// IPType is the address family.
	IPType AddressType
	// Activate says that the network shall run.
	Activate bool
	// PortLabel is the port, or the shared label of ports, to the outside;
	// empty: none.
	PortLabel string
	// IP are the address settings.
	IP IPConfig
	// DNSNameToIPs are static names.
	DNSNameToIPs []DNSNameToIP
	// PropagateConnectedRoutes says that applications learn the routes of the
	// ports.
	PropagateConnectedRoutes bool
	// StaticRoutes are further routes.
	StaticRoutes []IPRouteConfig
	// BPDUGuardLabel selects the ports of a switch that refuse spanning tree
	// packets.
	BPDUGuardLabel string
	// VLANAccessPorts are the ports of a switch that belong to one VLAN.
	VLANAccessPorts []VLANAccessPort
	// MTU is the largest packet in bytes; 0: the default.
	MTU uint32
	// DisableFlowlog says that connections are not recorded.
	DisableFlowlog bool
	// ForwardLLDP says that a switch passes LLDP packets on.
	ForwardLLDP bool
	// Error says what is wrong with this part of the configuration.
	Error string
}

// IPRouteConfig is one static route of a network instance.
//
//nkv:json
type IPRouteConfig struct {
	// DstNetwork is the destination.
	DstNetwork netip.Prefix
	// Gateway is the next hop; not set when OutputPortLabel is.
	Gateway netip.Addr
	// OutputPortLabel selects the ports that the route may use.
	OutputPortLabel string
	// PreferLowerCost says to choose the cheapest of several ports.
	PreferLowerCost bool
	// PreferStrongerWWANSignal says to choose the modem with the best signal.
	PreferStrongerWWANSignal bool
	// Probe is how it is found out whether a port works.
	Probe PortProbe
}

// PortProbe is how it is found out whether a port works.
//
//nkv:json
type PortProbe struct {
	// EnabledGwPing says that the port's gateway is pinged.
	EnabledGwPing bool
	// GwPingMaxCost is the highest cost of a port that is pinged.
	GwPingMaxCost uint32
	// Method is the further probe; empty: none.
	Method ProbeMethod
	// Host is the name or address that is probed.
	Host string
	// Port is the TCP port that is probed.
	Port uint32
}

// VLANAccessPort puts a port of a switch into one VLAN.
//
//nkv:json
type VLANAccessPort struct {
	// VLANID is the VLAN, 1 to 4094.
	VLANID uint32
	// PortLabel selects the ports.
	PortLabel string
}
