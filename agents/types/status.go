package types

import (
	"net/netip"
	"time"
)

// StatusKey is the key of tables that hold one value for the whole device:
// ZedAgentStatus, LastGoodConfig, DeviceNetworkStatus and LedStatus.
const StatusKey = "global"

// ConfigFileState says how the configuration file was found.
type ConfigFileState string

// The states of the configuration file.
const (
	ConfigFileMissing    ConfigFileState = "missing"    // there is none
	ConfigFileUnreadable ConfigFileState = "unreadable" // there is one that can't be read
	ConfigFileInvalid    ConfigFileState = "invalid"    // it was read and refused
	ConfigFileValid      ConfigFileState = "valid"      // it is in force
)

// ConfigSource says where the configuration in force came from.
type ConfigSource string

// The sources of a configuration.
const (
	ConfigSourceNone  ConfigSource = "none"  // no configuration is in force
	ConfigSourceFile  ConfigSource = "file"  // read from the file
	ConfigSourceSaved ConfigSource = "saved" // the last good one of an earlier run
)

// ZedAgentStatus says how zedagent stands to its configuration file. Its key
// is StatusKey.
//
//nkv:table owner=zedagent
type ZedAgentStatus struct {
	// DeviceID is the device's UUID as the configuration in force has it.
	DeviceID string
	// DeviceName is the device's name for people.
	DeviceName string
	// ConfigVersion is the controller's version of the configuration in force.
	ConfigVersion string
	// ConfigFile is the file that is watched.
	ConfigFile string
	// FileState is how that file was found when it was last looked at.
	FileState ConfigFileState
	// Source is where the configuration in force came from. It may be a file's
	// earlier content while FileState is not "valid".
	Source ConfigSource
	// ConfigSHA256 is the checksum of the configuration in force, in
	// hexadecimal digits; empty: none is in force.
	ConfigSHA256 string
	// Error says why the file is not in force; empty when it is.
	Error string
	// Warnings are what is odd about the configuration in force, at most 100.
	Warnings []string
	// WarningCount is the number of warnings, also those left out.
	WarningCount int
	// DatastoreOverride is the server that stands in for all datastores of the
	// configuration; empty: none does.
	DatastoreOverride string
	// UnknownFields counts the fields that were ignored because this build
	// does not know them.
	UnknownFields int
	// PublishErrors are values of the configuration in force that the server
	// refused, with their table and key; the configuration to be saved as
	// LastGoodConfig too.
	PublishErrors []string
	// LastLoad is when the configuration in force was taken.
	LastLoad time.Time
	// LastAttempt is when the file was last looked at with a new result.
	LastAttempt time.Time
	// Loads counts the configurations taken since the agent started.
	Loads int
	// Refusals counts the files refused since the agent started.
	Refusals int
	// Tables counts the keys in force by topic.
	Tables map[string]int
}

// LastGoodConfig is the last configuration that was accepted. It is durable:
// a device that boots without its file comes up on it. Its key is StatusKey.
//
//nkv:table owner=zedagent durable
type LastGoodConfig struct {
	// Config is the configuration, as JSON without insignificant space.
	Config string
	// SHA256 is the checksum of the file that it was read from, in hexadecimal
	// digits.
	SHA256 string
	// ConfigFile is the file that it was read from.
	ConfigFile string
	// Accepted is when it was accepted.
	Accepted time.Time
}

// NetworkPortStatus is what nim found of one wanted port. Its key is the
// port's logical label.
//
//nkv:table owner=nim
type NetworkPortStatus struct {
	// LogicalLabel is the name of the port.
	LogicalLabel string
	// IfName is the host's interface that the port should be.
	IfName string
	// Kind says what the port is made of.
	Kind LinkKind
	// IsMgmt says that the device may reach its controller through the port.
	IsMgmt bool
	// Present says that the host has the interface.
	Present bool
	// Up says that the interface is switched on and its link works.
	Up bool
	// MAC is the interface's hardware address; empty: it has none.
	MAC string
	// MTU is the interface's largest packet in bytes.
	MTU int
	// Addrs are the interface's addresses with their subnets, in order.
	Addrs []netip.Prefix
	// LowerLayers are the adapters below a VLAN or a bond.
	LowerLayers []LowerLayerStatus
	// Error says what is missing; empty when the port is as wanted.
	Error string
}

// LowerLayerStatus is what nim found of an adapter below a VLAN or a bond.
//
//nkv:json
type LowerLayerStatus struct {
	// LogicalLabel is the name of the adapter.
	LogicalLabel string
	// IfName is its interface; empty when the configuration names none.
	IfName string
	// Present says that the host has the interface.
	Present bool
	// Up says that the interface is switched on and its link works.
	Up bool
}

// HostInterface is one network interface of the host.
//
//nkv:json
type HostInterface struct {
	// Name is the interface's name.
	Name string
	// Index is the host's number for it.
	Index int
	// MAC is its hardware address; empty: it has none.
	MAC string
	// MTU is its largest packet in bytes.
	MTU int
	// AdminUp says that it is switched on.
	AdminUp bool
	// Carrier says that its link works.
	Carrier bool
	// Loopback says that it leads to the host itself.
	Loopback bool
	// Addrs are its addresses with their subnets, in order.
	Addrs []netip.Prefix
	// Ports are the logical labels of the wanted ports that are this
	// interface, in order.
	Ports []string
}

// DeviceNetworkStatus sums up how the host's interfaces compare with the
// wanted ports. Its key is StatusKey.
//
//nkv:table owner=nim
type DeviceNetworkStatus struct {
	// Wanted is the number of wanted ports.
	Wanted int
	// Present is the number of wanted ports that the host has.
	Present int
	// Up is the number of wanted ports that work.
	Up int
	// MgmtUp is the number of management ports that work and have an address.
	MgmtUp int
	// Errors are the errors of the ports, in the order of their labels.
	Errors []string
	// Interfaces are all interfaces of the host, in the order of their names.
	Interfaces []HostInterface
	// Source says where the interfaces were looked up: "host" or the name of a
	// file.
	Source string
	// Error says why the interfaces could not be looked up; empty when they
	// were.
	Error string
}
