package plain

import "time"

// DeviceStatus is what a device tells about itself.
//
//nkv:table owner=deviced durable
type DeviceStatus struct {
	Name          string
	Serial        string `json:"serial"`
	Booted        time.Time
	Uptime        time.Duration
	Location      *Location `json:",omitempty"`
	State         State
	Progress      float64
	Restarts      uint32
	LastReboot    *BootReport
	Capabilities  Capabilities
	Labels        map[string]string `json:",omitempty"`
	Warnings      []string
	MaintenanceOn bool `json:"maintenance,omitempty"`
}

// Location is where a device stands.
//
//nkv:json
type Location struct {
	Lat, Lon float64
	Altitude float32   `json:"alt,omitempty"`
	Accuracy float32   `json:"acc"`
	Source   string    `json:"src,omitempty"`
	At       time.Time `json:"at"`
}

// BootReport says why a device started.
//
//nkv:json
type BootReport struct {
	Reason   BootReason
	Detail   string `json:"detail,omitempty"`
	At       time.Time
	Kernel   string
	Firmware string
	Panic    []byte `json:",omitempty"`
	Count    int
	Clean    bool
	Previous *BootReport `json:",omitempty"`
}

// BootReason is an enumeration that is written as a number.
type BootReason uint8

// Capabilities lists what the hardware can do.
//
//nkv:json
type Capabilities struct {
	Virtualization  bool `json:"virt"`
	IOMMU           bool `json:"iommu"`
	TPM             bool `json:"tpm"`
	SecureBoot      bool `json:"secure_boot,omitempty"`
	MeasuredBoot    bool `json:",omitempty"`
	Watchdog        bool `json:"watchdog,string"`
	NestedVirt      bool
	CPUs            int      `json:"cpus"`
	MemoryMB        uint64   `json:"mem_mb,string"`
	Architectures   []string `json:"archs"`
	MaxVFs          uint16   `json:"max_vfs,omitempty"`
	ThermalThrottle float32  `json:"throttle"`
}

// Inventory is the hardware that was found.
//
//nkv:table owner=deviced topic=Hardware
type Inventory struct {
	Model   string
	Vendor  string `json:"vendor,omitempty"`
	Disks   []Disk
	Ports   map[string]Port
	USB     []*USBDevice
	PCI     [][]PCIAddress `json:"pci_groups"`
	Sensors map[string][]Sensor
	Found   time.Time
	Errors  []string `json:"errors,omitempty"`
	BIOS    struct {
		Vendor, Version string
		Released        time.Time `json:"released"`
	}
	Slots [4]*PCIAddress
	Raw   []byte `json:"raw"`
}

// Disk is a block device.
//
//nkv:json
type Disk struct {
	Name       string
	SizeBytes  int64 `json:"size,string"`
	Rotational bool
	Serial     string `json:",omitempty"`
	Partitions []Partition
	Smart      map[uint8]int64 `json:"smart,omitempty"`
	Wear       *float32
	Health     State
}

// Partition is a part of a disk.
//
//nkv:json
type Partition struct {
	Number     int
	Label      string
	Type       UUID
	Start, End uint64
	Mounted    *string `json:"mounted,omitempty"`
	Flags      []Flag
}

// Port is a connector.
//
//nkv:json
type Port struct {
	Kind   PortKind
	Group  string
	Index  int8
	Shared bool
	Addr   *PCIAddress
	Extra  map[string]*Port `json:"extra,omitempty"`
}

// PCIAddress locates a function on the PCI bus.
//
//nkv:json
type PCIAddress struct {
	Domain        uint16
	Bus, Dev, Fun uint8
	Driver        string `json:"drv,omitempty"`
}

// USBDevice is a device on the USB.
//
//nkv:json
type USBDevice struct {
	Vendor, Product uint16
	Path            []uint8
	Strings         [3]string
	Parent          *USBDevice `json:"parent,omitempty"`
}

// Sensor is one reading.
//
//nkv:json
type Sensor struct {
	ID       int
	Name     string
	Value    float64
	Min, Max *float64
	Unit     string `json:"unit"`
	Alarm    bool   `json:",omitempty"`
}

// Flag is a named string.
type Flag string
