package types

import "net/netip"

// AppInstanceConfig is one application that the device shall have. Its key is
// its UUID.
//
//nkv:table owner=zedagent
type AppInstanceConfig struct {
	// UUID is the application's id.
	UUID string
	// Version is the controller's version of this part of the configuration.
	Version string
	// DisplayName is a name for people.
	DisplayName string
	// Activate says that the application shall run.
	Activate bool
	// FixedResources are the resources of its virtual machine.
	FixedResources VMConfig
	// Drives are images by the older way of naming them.
	Drives []DriveConfig
	// VolumeRefs are the volumes it uses, in their order.
	VolumeRefs []VolumeRefConfig
	// NetworkAdapters are its network interfaces, in their order.
	NetworkAdapters []AppNetAdapterConfig
	// IOAdapters are the hardware that it gets.
	IOAdapters []IOAdapter
	// RestartCounter grows each time the controller asks for a restart.
	RestartCounter uint32
	// PurgeCounter grows each time the controller asks to start from fresh
	// volumes.
	PurgeCounter uint32
	// UserData is cloud-init data, base64 coded as the controller sends it. It
	// may hold secrets: grant the table with care.
	UserData string
	// CipherData is encrypted cloud-init data.
	CipherData CipherBlock
	// MetaDataType is how the application gets that data.
	MetaDataType MetaDataType
	// CloudInitVersion is the version of that data.
	CloudInitVersion uint32
	// RemoteConsole says that the console can be reached remotely.
	RemoteConsole bool
	// CollectStatsIPAddr is where container statistics are collected from.
	CollectStatsIPAddr netip.Addr
	// ProfileList are the profiles in which the application runs; empty: all.
	ProfileList []string
	// StartDelaySeconds is how long to wait before starting it after a boot.
	StartDelaySeconds uint32
	// Service says that the application serves the device itself.
	Service bool
	// MaxSnapshots is how many snapshots are kept.
	MaxSnapshots uint32
	// DesignatedNodeID is the node of a cluster that it shall run on.
	DesignatedNodeID string
	// RuntimeType is the runtime of a container.
	RuntimeType AppRuntimeType
	// Error says what is wrong with this part of the configuration.
	Error string
}

// VMConfig are the resources of a virtual machine.
//
//nkv:json
type VMConfig struct {
	// Kernel is the path of a kernel inside the image.
	Kernel string
	// Ramdisk is the path of a RAM disk inside the image.
	Ramdisk string
	// MemoryKiB is the memory in KiB.
	MemoryKiB int64
	// MaxMemKiB is the most memory that it may grow to, in KiB.
	MaxMemKiB int64
	// VMMMaxMemKiB is the most memory for the virtual machine monitor itself,
	// in KiB; 0: computed.
	VMMMaxMemKiB int64
	// VCPUs is the number of processors.
	VCPUs uint32
	// MaxCPUs is the most processors that it may grow to.
	MaxCPUs uint32
	// CPUs are the processors of the host that it may use, for example "0-2".
	CPUs string
	// PinCPU says that its processors are its alone.
	PinCPU bool
	// RootDev is the root device.
	RootDev string
	// ExtraArgs are further kernel arguments.
	ExtraArgs string
	// BootLoader is the boot loader.
	BootLoader string
	// DeviceTree is the path of a device tree inside the image.
	DeviceTree string
	// VirtualizationMode is the kind of virtualization.
	VirtualizationMode VMMode
	// BootMode is the firmware.
	BootMode VMBootMode
	// EnableVNC says that it has a VNC console.
	EnableVNC bool
	// VNCDisplay is the number of that display.
	VNCDisplay uint32
	// DisableLogs says that its output is not logged.
	DisableLogs bool
	// DisableVTPM says that it has no virtual TPM.
	DisableVTPM bool
	// EnforceInterfaceOrder says that the stated order of interfaces holds.
	EnforceInterfaceOrder bool
}

// DriveConfig is an image of an application, by the older way of naming it.
//
//nkv:json
type DriveConfig struct {
	// ImageUUID is the image's id.
	ImageUUID string
	// Name is the image's name in its datastore.
	Name string
	// DatastoreID is the key of the datastore that it comes from.
	DatastoreID string
	// SHA256 is the image's checksum in hexadecimal digits.
	SHA256 string
	// Format is its format.
	Format ImageFormat
	// SizeBytes is its size.
	SizeBytes int64
	// MaxSizeBytes is the size of the drive made of it.
	MaxSizeBytes int64
	// ReadOnly says that it is not written to.
	ReadOnly bool
	// Preserve says that it lives on over restarts.
	Preserve bool
	// Type is the kind of drive.
	Type DriveType
	// Target is how it is presented.
	Target VolumeTarget
}

// VolumeRefConfig is an application's use of a volume.
//
//nkv:json
type VolumeRefConfig struct {
	// VolumeID is the key of the volume.
	VolumeID string
	// GenerationCounter is the generation of the volume.
	GenerationCounter int64
	// MountDir is where it is mounted inside the application.
	MountDir string
}

// AppNetAdapterConfig is one network interface of an application.
//
//nkv:json
type AppNetAdapterConfig struct {
	// Name is the interface's name.
	Name string
	// NetworkID is the key of the network instance.
	NetworkID string
	// AppIPAddr is the static address; the zero value: one is chosen.
	AppIPAddr netip.Addr
	// AppMACAddr is the hardware address in the form aa:bb:cc:dd:ee:ff; empty:
	// one is chosen.
	AppMACAddr string
	// HostName is the name that the application gets in that network.
	HostName string
	// AccessVLANID is the VLAN of a switch that it belongs to; 0: none.
	AccessVLANID uint32
	// AllowToDiscover says that it may learn about the other applications.
	AllowToDiscover bool
	// InterfaceOrder is its place among the interfaces.
	InterfaceOrder uint32
	// ACLs are the access rules, in their order.
	ACLs []ACE
}

// ACE is one access rule of an application's network interface.
//
//nkv:json
type ACE struct {
	// RuleID is the rule's number.
	RuleID int32
	// Name is a name for people.
	Name string
	// Dir is the direction.
	Dir ACEDirection
	// Matches are the conditions; all must hold.
	Matches []ACEMatch
	// Actions are what is done.
	Actions []ACEAction
}

// ACEMatch is one condition of an access rule.
//
//nkv:json
type ACEMatch struct {
	// Type is what is compared: "ip", "host", "eidset", "protocol", "fport",
	// "lport" or "adapter".
	Type string
	// Value is what it is compared with.
	Value string
}

// ACEAction is what an access rule does. Neither drop, limit nor port map:
// the traffic is let through.
//
//nkv:json
type ACEAction struct {
	// Drop discards the traffic.
	Drop bool
	// Limit holds the traffic to a rate.
	Limit bool
	// LimitRate is that rate, in packets per LimitUnit.
	LimitRate uint32
	// LimitUnit is "s", "m", "h" or "d".
	LimitUnit string
	// LimitBurst is how many packets may exceed the rate at once.
	LimitBurst uint32
	// PortMap sends traffic for a port of the device to the application.
	PortMap bool
	// TargetPort is the application's port.
	TargetPort uint32
}

// IOAdapter is a piece of hardware, or a group, that an application gets.
//
//nkv:json
type IOAdapter struct {
	// Type is the kind of hardware.
	Type PhysicalIOType
	// Name is the logical label or the assign group.
	Name string
	// InterfaceOrder is its place among the interfaces.
	InterfaceOrder uint32
	// VF is the virtual function, when it is one.
	VF EthVF
}
