package types

// PhysicalIOAdapter is one I/O member of the device's hardware: a network
// interface, a USB port, a serial line. Its key is its logical label.
//
//nkv:table owner=zedagent
type PhysicalIOAdapter struct {
	// LogicalLabel is the name that the rest of the configuration uses.
	LogicalLabel string
	// PhyLabel is the label printed on the device.
	PhyLabel string
	// Type is the kind of hardware.
	Type PhysicalIOType
	// Usage says who may use it.
	Usage PhysicalIOUsage
	// AssignGroup names the group of adapters that can only be given away
	// together; empty when it can't be given away.
	AssignGroup string
	// ParentAssignGroup is the group that this adapter's group belongs to.
	ParentAssignGroup string
	// FreeUplink says that traffic over it costs nothing. Newer controllers
	// state a cost at the port instead.
	FreeUplink bool
	// PhyAddrs says where the hardware is.
	PhyAddrs PhysicalAddress
	// Attributes are the controller's own notes on the adapter, by name.
	Attributes map[string]string
	// VFCount is the number of SR-IOV virtual functions to make.
	VFCount uint32
	// VFs are the settings of the virtual functions.
	VFs []EthVF
	// Error says what is wrong with this part of the configuration; empty when
	// nothing is.
	Error string
}

// PhysicalAddress says where a piece of hardware is found. Only the fields
// that apply to its kind are set.
//
//nkv:json
type PhysicalAddress struct {
	// IfName is the name of the network interface, for example "eth0".
	IfName string
	// PCILong is the PCI address with domain, for example "0000:00:14.0".
	PCILong string
	// USBAddr is bus and port, for example "1:4.3".
	USBAddr string
	// USBProduct is vendor and product id, for example "046a:a087".
	USBProduct string
	// Serial is the device file of a serial line.
	Serial string
	// IRQ is the interrupt of a serial line.
	IRQ string
	// IOPorts is the range of I/O ports of a serial line, for example "3f8-3ff".
	IOPorts string
	// Other holds addresses of kinds that have no field here, by the name that
	// the configuration gives them.
	Other map[string]string
}

// EthVF is one SR-IOV virtual function.
//
//nkv:json
type EthVF struct {
	// Index is the number of the function on its physical function.
	Index uint32
	// MAC is the hardware address to give to it.
	MAC string
	// VLANID is the VLAN to put it in, 1 to 4094; 0: none.
	VLANID uint32
}

// VLANAdapter is a VLAN sub-interface. Its key is its logical label.
//
//nkv:table owner=zedagent
type VLANAdapter struct {
	// LogicalLabel is the name that ports and other adapters use.
	LogicalLabel string
	// IfName is the name that the interface of the host shall have.
	IfName string
	// LowerLayerName is the logical label of the adapter below.
	LowerLayerName string
	// VLANID is the VLAN, 1 to 4094.
	VLANID uint32
	// Error says what is wrong with this part of the configuration.
	Error string
}

// BondAdapter is an aggregation of several links. Its key is its logical label.
//
//nkv:table owner=zedagent
type BondAdapter struct {
	// LogicalLabel is the name that ports and other adapters use.
	LogicalLabel string
	// IfName is the name that the interface of the host shall have.
	IfName string
	// LowerLayerNames are the logical labels of the aggregated adapters.
	LowerLayerNames []string
	// Mode is the bonding policy.
	Mode BondMode
	// LACPRate is the rate of LACP packets in 802.3ad mode.
	LACPRate LACPRate
	// MII is the monitoring by link state. Its zero value: off.
	MII BondMIIMonitor
	// ARP is the monitoring by ARP requests. Its zero value: off.
	ARP BondARPMonitor
	// Error says what is wrong with this part of the configuration.
	Error string
}

// BondMIIMonitor sets the monitoring of bonded links by their state. All
// times are in milliseconds.
//
//nkv:json
type BondMIIMonitor struct {
	// Interval is the time between two looks; 0: no monitoring.
	Interval uint32
	// UpDelay is the time before a link that came up is used.
	UpDelay uint32
	// DownDelay is the time before a link that went down is dropped.
	DownDelay uint32
}

// BondARPMonitor sets the monitoring of bonded links by ARP requests.
//
//nkv:json
type BondARPMonitor struct {
	// Interval is the time between two requests in milliseconds; 0: no
	// monitoring.
	Interval uint32
	// Targets are the addresses that are asked for.
	Targets []string
}
