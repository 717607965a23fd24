package plain

import (
	"net"
	"net/netip"
	"time"
)

// PortConfig is how a network port is to be set up.
//
//nkv:table owner=netd durable
type PortConfig struct {
	IfName     string `json:"ifname"`
	Label      string `json:"label"`
	Alias      string `json:"alias,omitempty"`
	Management bool   `json:"mgmt"`
	Cost       uint8
	DHCP       DHCPType
	Subnet     net.IPNet
	Gateways   []net.IP
	DNS        []netip.Addr `json:"dns"`
	NTP        *net.IPNet   `json:"ntp,omitempty"`
	MTU        uint16
	Proxy      *Proxy    `json:"proxy,omitempty"`
	Wireless   *Wireless `json:"wireless,omitempty"`
	VLAN       *VLAN     `json:"vlan,omitempty"`
	Bond       *Bond     `json:"bond,omitempty"`
	TestResult
}

// DHCPType is a named integer.
type DHCPType uint8

// TestResult is when something last worked.
//
//nkv:json
type TestResult struct {
	LastFailed    time.Time
	LastSucceeded time.Time
	LastError     string
	LastWarning   string `json:",omitempty"`
	HasError      bool   `json:"has_error,omitempty"`
}

// Proxy says how to reach the world.
//
//nkv:json
type Proxy struct {
	Entries    []ProxyEntry
	Exceptions string
	PAC        string   `json:"pacfile"`
	AutoDetect bool     `json:"wpad"`
	Certs      [][]byte `json:"certs"`
}

// ProxyEntry is a proxy for a protocol.
//
//nkv:json
type ProxyEntry struct {
	Type   uint8 `json:"type"`
	Server string
	Port   uint32 `json:"port"`
}

// Wireless holds one kind of wireless.
//
//nkv:json
type Wireless struct {
	Kind     int
	WiFi     []WiFi     `json:"wifi"`
	Cellular []Cellular `json:"cellular"`
}

// WiFi is one network.
//
//nkv:json
type WiFi struct {
	SSID     string `json:"ssid"`
	Key      int
	Identity string
	Password string `json:"-"`
	Priority int32
	Crypto   map[string]struct {
		Block []byte
		IV    [16]byte
	} `json:"crypto"`
}

// Cellular is one modem.
//
//nkv:json
type Cellular struct {
	APN      string
	Roaming  bool `json:"roaming,string"`
	Probe    *Probe
	SIMs     []SIM
	Band     map[string][]uint16
	Signal   map[string]int32 `json:"signal"`
	Location *Location        `json:"loc"`
}

// Probe says how to test a link.
//
//nkv:json
type Probe struct {
	Disabled bool
	Address  netip.Addr
	Interval time.Duration
}

// SIM is a card.
//
//nkv:json
type SIM struct {
	ICCID, IMSI string
	Active      bool
	Slot        uint8
}

// VLAN is a virtual network on a port.
//
//nkv:json
type VLAN struct {
	Parent string
	ID     uint16 `json:"id"`
}

// Bond is several ports as one.
//
//nkv:json
type Bond struct {
	Ports    []string
	Mode     uint8
	LACPRate uint8   `json:"lacp,omitempty"`
	MII      *Probe  `json:"mii"`
	ARP      []Probe `json:"arp"`
}

// NetworkStatus is what all ports are.
//
//nkv:table owner=netd topic=NetStatus
type NetworkStatus struct {
	Version  int
	Testing  bool
	Ports    []PortStatus
	Routes   map[string][]Route
	Resolver map[string][]netip.Addr
	Prefixes []netip.Prefix
	Best     *PortStatus
	Changed  time.Time
}

// PortStatus is what a port is.
//
//nkv:json
type PortStatus struct {
	PortConfig
	Up        bool
	MAC       net.HardwareAddr
	Addresses []AddrInfo
	Peers     map[netip.AddrPort]string
	Domain    string `json:"domain"`
	Routers   []net.IP
	Error     *ErrorInfo
}

// AddrInfo is one address with what is known of it.
//
//nkv:json
type AddrInfo struct {
	Addr   net.IP
	Geo    *Location `json:"geo"`
	Since  time.Time
	Tested *TestResult
}

// Route is an entry of a routing table.
//
//nkv:json
type Route struct {
	Dst    *net.IPNet
	Via    netip.Addr
	Prefix netip.Prefix `json:"prefix"`
	Metric int
	Scope  RouteScope
}

// RouteScope is a named integer.
type RouteScope int16
