package types

// The enumerations are texts, so that a value is readable wherever it is seen.
// The texts are the names that the configuration API of EVE-OS gives to the
// numbers. A number that has no name yet is carried as its decimal digits, a
// name that is not known as it stands: nothing that a newer controller sends
// is lost.

// PhysicalIOType says what kind of hardware a PhysicalIOAdapter is.
type PhysicalIOType string

// Kinds of hardware that the agents treat specially. All the others pass
// through unchanged.
const (
	IONetEth   PhysicalIOType = "PhyIoNetEth"   // wired network interface
	IONetWLAN  PhysicalIOType = "PhyIoNetWLAN"  // Wi-Fi interface
	IONetWWAN  PhysicalIOType = "PhyIoNetWWAN"  // cellular modem
	IONetEthPF PhysicalIOType = "PhyIoNetEthPF" // SR-IOV physical function
	IONetEthVF PhysicalIOType = "PhyIoNetEthVF" // SR-IOV virtual function
)

// IsNetwork reports whether hardware of kind t shows up as a network interface
// of the host.
func (t PhysicalIOType) IsNetwork() bool {
	switch t {
	case IONetEth, IONetWLAN, IONetWWAN, IONetEthPF, IONetEthVF:
		return true
	}
	return false
}

// PhysicalIOUsage says who may use a PhysicalIOAdapter.
type PhysicalIOUsage string

// The usages of the configuration API.
const (
	UsageNone        PhysicalIOUsage = "PhyIoUsageNone"        // nobody
	UsageMgmtAndApps PhysicalIOUsage = "PhyIoUsageMgmtAndApps" // the device itself and applications
	UsageShared      PhysicalIOUsage = "PhyIoUsageShared"      // several applications
	UsageDedicated   PhysicalIOUsage = "PhyIoUsageDedicated"   // one application
	UsageDisabled    PhysicalIOUsage = "PhyIoUsageDisabled"    // switched off
	UsageMgmtOnly    PhysicalIOUsage = "PhyIoUsageMgmtOnly"    // the device itself
)

// NetworkType says which IP versions a network speaks.
type NetworkType string

// Network types that occur most; NetworkNoop is a network below IP.
const (
	NetworkNoop   NetworkType = "NETWORKTYPENOOP"
	NetworkV4     NetworkType = "V4"
	NetworkV6     NetworkType = "V6"
	NetworkV4Only NetworkType = "V4Only"
	NetworkV6Only NetworkType = "V6Only"
	NetworkDual   NetworkType = "DualV4V6"
)

// DHCPType says where a port's address comes from.
type DHCPType string

// The sources of an address.
const (
	DHCPNoop   DHCPType = "DHCPNoop" // not stated
	DHCPStatic DHCPType = "Static"   // from the configuration
	DHCPNone   DHCPType = "DHCPNone" // the port has no address of its own
	DHCPClient DHCPType = "Client"   // from a DHCP server
)

// LinkKind says what a port is made of.
type LinkKind string

// The kinds of links.
const (
	LinkPhysical LinkKind = "physical" // one PhysicalIOAdapter
	LinkVLAN     LinkKind = "vlan"     // a VLANAdapter on another link
	LinkBond     LinkKind = "bond"     // a BondAdapter of several links
)

// Named enumerations that are only carried, never judged, by the agents here.
type (
	// BondMode is the bonding policy, for example "BOND_MODE_ACTIVE_BACKUP".
	BondMode string
	// LACPRate is the rate of LACP packets, for example "LACP_RATE_SLOW".
	LACPRate string
	// ProxyProto is the protocol that a proxy serves, for example "PROXY_HTTPS".
	ProxyProto string
	// WirelessType is "TypeNOOP", "WiFi" or "Cellular".
	WirelessType string
	// NetworkInstanceType is the kind of a network instance, for example
	// "ZnetInstLocal" (routed, with NAT) or "ZnetInstSwitch" (bridged).
	NetworkInstanceType string
	// AddressType is the address family of a network instance, for example "IPV4".
	AddressType string
	// ProbeMethod is how a route's next hop is probed, for example
	// "CONNECTIVITY_PROBE_METHOD_TCP".
	ProbeMethod string
	// VMMode is the virtualization mode, for example "HVM".
	VMMode string
	// VMBootMode is the firmware that boots a virtual machine, for example
	// "VM_BOOT_MODE_UEFI".
	VMBootMode string
	// MetaDataType is how an application gets its cloud-init data.
	MetaDataType string
	// AppRuntimeType is the runtime that a container application asks for.
	AppRuntimeType string
	// ACEDirection is the direction an access rule applies to: "BOTH",
	// "INGRESS" or "EGRESS".
	ACEDirection string
	// ImageFormat is the format of an image, for example "QCOW2" or "CONTAINER".
	ImageFormat string
	// VolumeTarget is how a volume is presented, for example "Disk".
	VolumeTarget string
	// DriveType is the kind of drive that an image becomes, for example "HDD".
	DriveType string
	// VolumeProtocol is how a volume is accessed, for example "VAP_9P".
	VolumeProtocol string
	// DatastoreType is the protocol of a datastore, for example
	// "DsContainerRegistry".
	DatastoreType string
)

// VolumeOriginType says what a volume is made from.
type VolumeOriginType string

// The origins of a volume.
const (
	VolumeOriginUnknown  VolumeOriginType = "VCOT_UNKNOWN"
	VolumeOriginBlank    VolumeOriginType = "VCOT_BLANK"    // empty
	VolumeOriginDownload VolumeOriginType = "VCOT_DOWNLOAD" // a content tree
)
