package types

import "net/netip"

// NetworkPortConfig is one port that the device shall have: a link that the
// device itself, or network instances, use with IP settings of its own. Its
// key is its logical label.
//
//nkv:table owner=zedagent
type NetworkPortConfig struct {
	// LogicalLabel is the name of the port.
	LogicalLabel string
	// Alias is a name for people.
	Alias string
	// Kind says what the port is made of.
	Kind LinkKind
	// AdapterLabel is the logical label of the adapter that the port uses.
	AdapterLabel string
	// PhyLabel is the label printed on the device; empty for VLANs and bonds.
	PhyLabel string
	// IfName is the name of the host's interface; empty when the configuration
	// does not name one.
	IfName string
	// LowerLayerNames are the logical labels of the adapters that a VLAN or a
	// bond is built on.
	LowerLayerNames []string
	// VLANID is the VLAN of a VLAN port, else 0.
	VLANID uint32
	// IsMgmt says that the device may reach its controller through the port.
	IsMgmt bool
	// Cost ranks management ports, 0 (free) to 255; lower ones are tried first.
	Cost uint32
	// SharedLabels are further names by which groups of ports are selected.
	SharedLabels []string
	// NetworkUUID is the key of the network (NetworkXObjectConfig) that holds
	// the IP settings; empty: none.
	NetworkUUID string
	// NetworkType is the IP version of that network.
	NetworkType NetworkType
	// DHCP says where the port's address comes from.
	DHCP DHCPType
	// Addr is the port's static address.
	Addr netip.Addr
	// Subnet is the subnet of that network.
	Subnet netip.Prefix
	// MTU is the largest packet in bytes; 0: the link's default.
	MTU uint32
	// AllowLocalModifications says that an operator at the device may change
	// the port.
	AllowLocalModifications bool
	// Error says what is wrong with this part of the configuration.
	Error string
}

// NetworkXObjectConfig is one network: the IP settings that ports refer to.
// Its key is its UUID.
//
//nkv:table owner=zedagent
type NetworkXObjectConfig struct {
	// UUID is the network's id.
	UUID string
	// Type is the IP version.
	Type NetworkType
	// IP are the address settings.
	IP IPConfig
	// DNSNameToIPs are static names.
	DNSNameToIPs []DNSNameToIP
	// Proxy is how the controller is reached from this network.
	Proxy ProxyConfig
	// Wireless are the settings of a wireless link.
	Wireless WirelessConfig
	// MTU is the largest packet in bytes; 0: the link's default.
	MTU uint32
	// Error says what is wrong with this part of the configuration.
	Error string
}

// IPConfig are the address settings of a network or a network instance.
//
//nkv:json
type IPConfig struct {
	// DHCP says where addresses come from.
	DHCP DHCPType
	// Subnet is the range of addresses.
	Subnet netip.Prefix
	// Gateway is the default router.
	Gateway netip.Addr
	// Domain is the DNS domain.
	Domain string
	// NTPServers are addresses or names of time servers.
	NTPServers []string
	// DNSServers are the name servers.
	DNSServers []netip.Addr
	// DHCPRange is what a DHCP server on the network hands out.
	DHCPRange IPRange
	// IgnoreDHCP lists what DHCP offers and the configuration overrules.
	IgnoreDHCP DHCPOptionsIgnore
}

// IPRange is a range of addresses, both ends included.
//
//nkv:json
type IPRange struct {
	// Start is the first address.
	Start netip.Addr
	// End is the last address.
	End netip.Addr
}

// DHCPOptionsIgnore says which offers of a DHCP server are not taken, because
// the configuration states its own.
//
//nkv:json
type DHCPOptionsIgnore struct {
	// NTPServers: only the configured time servers are used.
	NTPServers bool
	// IPAddresses: only the configured address is used.
	IPAddresses bool
	// DNSConfig: only the configured name servers are used.
	DNSConfig bool
	// Gateways: only the configured gateway is used.
	Gateways bool
}

// DNSNameToIP is one static name.
//
//nkv:json
type DNSNameToIP struct {
	// HostName is the name.
	HostName string
	// IPs are its addresses.
	IPs []netip.Addr
}

// ProxyConfig says how the controller is reached through proxies.
//
//nkv:json
type ProxyConfig struct {
	// Proxies are the proxies by protocol.
	Proxies []ProxyEntry
	// Exceptions is a comma separated list of hosts that are reached directly.
	Exceptions string
	// Pacfile is a proxy auto-configuration file, base64 coded as the
	// controller sends it.
	Pacfile string
	// NetworkProxyEnable says that proxies are to be found by WPAD.
	NetworkProxyEnable bool
	// NetworkProxyURL is where the WPAD file is, when it is not at its usual
	// place.
	NetworkProxyURL string
	// ProxyCertPEM are the certificates of proxies that look inside TLS, one
	// PEM text each.
	ProxyCertPEM []string
}

// ProxyEntry is one proxy.
//
//nkv:json
type ProxyEntry struct {
	// Type is the protocol that it serves.
	Type ProxyProto
	// Server is its host name, address or URL.
	Server string
	// Port is its port, 1 to 65535; 0: the protocol's default.
	Port uint32
}

// WirelessConfig are the settings of a wireless link. Credentials in clear
// text are not carried.
//
//nkv:json
type WirelessConfig struct {
	// Type says which of the two lists applies.
	Type WirelessType
	// Cellular are the settings of a modem.
	Cellular []CellularConfig
	// Wifi are the Wi-Fi networks to join.
	Wifi []WifiConfig
}

// CellularConfig are the settings of a cellular modem.
//
//nkv:json
type CellularConfig struct {
	// APN is the access point of the first SIM card.
	APN string
	// LocationTracking says that the modem reports where it is.
	LocationTracking bool
	// ActivatedSIMSlot is the slot to use, from 1; 0: the modem's choice.
	ActivatedSIMSlot uint32
	// AccessPoints are the settings by SIM slot.
	AccessPoints []CellularAccessPoint
}

// CellularAccessPoint are the settings of one SIM slot.
//
//nkv:json
type CellularAccessPoint struct {
	// SIMSlot is the slot, from 1.
	SIMSlot uint32
	// APN is the access point.
	APN string
	// ForbidRoaming says not to use foreign networks.
	ForbidRoaming bool
	// PreferredPLMNs are the networks to try first.
	PreferredPLMNs []string
	// Credentials are user and password, encrypted.
	Credentials CipherBlock
}

// WifiConfig is one Wi-Fi network.
//
//nkv:json
type WifiConfig struct {
	// SSID is the network's name.
	SSID string
	// KeyScheme is the kind of key, for example "WPAPSK".
	KeyScheme string
	// Identity is the user name of WPA enterprise.
	Identity string
	// Priority ranks networks; higher ones are joined first.
	Priority int32
	// Credentials are identity and password, encrypted.
	Credentials CipherBlock
}
