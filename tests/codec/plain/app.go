package plain

import (
	"net"
	"net/netip"
	"time"
)

// AppConfig is what an application is to be.
//
//nkv:table owner=appd durable
type AppConfig struct {
	UUID         UUID   `json:"uuid"`
	Version      string `json:"version"`
	DisplayName  string `json:"name"`
	Activate     bool
	Purge        Counter
	Restart      Counter
	Resources    Resources
	Adapters     []AppAdapter
	Volumes      []VolumeRef `json:"volumes,omitempty"`
	Env          map[string]string
	Secrets      map[string][]byte `json:"secrets,omitempty"`
	StartDelay   time.Duration
	StartAfter   *time.Time `json:"start_after,omitempty"`
	Remote       bool       `json:"remote_console"`
	Profiles     []string   `json:"profiles"`
	Service      bool
	CloudInit    *string `json:"user_data,omitempty"`
	MetaDataType MetaDataType
	Exec         *ExecSpec `json:"exec,omitempty"`
	Snapshots    struct {
		Max      uint32
		Active   UUID
		Previous []UUID `json:"previous,omitempty"`
	} `json:"snapshots"`
	Errors ErrorInfo `json:"errors,omitzero"`
}

// Counter tells a command from its repetition.
//
//nkv:json
type Counter struct {
	N         uint32 `json:"n"`
	ApplyTime string `json:"apply"`
}

// Resources are what an application gets.
//
//nkv:json
type Resources struct {
	Memory, MaxMemory int `json:",omitempty"`
	VCPUs             int `json:"vcpus"`
	MaxCPUs           int `json:"maxcpus,omitempty"`
	Kernel, Ramdisk   string
	Mode              VirtMode
	CPUPin            []uint16 `json:"pin"`
	GPU               *bool
	Priority          int8
	Weights           [2]float32
	Shares            map[string]float64
}

// AppAdapter is a network adapter of an application.
//
//nkv:json
type AppAdapter struct {
	Name    string
	MAC     net.HardwareAddr `json:"mac,omitempty"`
	IP      net.IP           `json:"ip"`
	Network UUID
	ACLs    []Rule
	VLAN    uint32     `json:"vlan,omitempty"`
	Static  netip.Addr `json:"static,omitzero"`
}

// Rule is an entry of an access list.
//
//nkv:json
type Rule struct {
	Matches []Match
	Actions []RuleAction
	Name    string `json:"name,omitempty"`
	ID      int32  `json:"id"`
	Dir     *int8  `json:"dir"`
}

// Match is a condition of a rule.
//
//nkv:json
type Match struct {
	Type  string
	Value string `json:",omitempty"`
}

// RuleAction is what a rule does.
//
//nkv:json
type RuleAction struct {
	Drop       bool `json:",omitempty"`
	Limit      bool `json:",omitempty"`
	LimitRate  int  `json:",omitempty"`
	LimitUnit  string
	PortMap    bool `json:",omitempty"`
	TargetPort int  `json:",omitempty"`
}

// VolumeRef names a volume that an application uses.
//
//nkv:json
type VolumeRef struct {
	VolumeID   UUID
	Generation int64 `json:"gen,string"`
	Local      int64 `json:"local,string,omitempty"`
	MountDir   string
	ReadOnly   bool `json:"ro"`
}

// ExecSpec is a process to run.
//
//nkv:json
type ExecSpec struct {
	Path    string
	Args    []string
	Env     []string `json:",omitempty"`
	Dir     string   `json:"dir,omitempty"`
	User    *uint32
	Limits  map[Limit]uint64
	Timeout time.Duration `json:"timeout,omitempty"`
}

// Limit names a resource limit.
type Limit string

// MetaDataType is a named integer.
type MetaDataType int32

// ErrorInfo is an error with its time and entities.
//
//nkv:json
type ErrorInfo struct {
	Error    string
	Time     time.Time
	Severity Severity
	Retry    string `json:"retry,omitempty"`
	Entities []Entity
}

// Entity names what an error is about.
//
//nkv:json
type Entity struct {
	Kind string
	ID   string
}

// AppStatus is what an application is.
//
//nkv:table owner=appd
type AppStatus struct {
	Config    AppConfig
	State     State
	Domain    *DomainStatus
	Pending   map[UUID]bool
	Addresses []netip.AddrPort
	Usage     AppUsage
	ErrorInfo
	Counter
}

// DomainStatus is the running side of an application.
//
//nkv:json
type DomainStatus struct {
	ID        int
	Started   time.Time
	Console   string `json:"console"`
	VNC       uint16 `json:"vnc,omitempty"`
	Devices   []PCIAddress
	Tasks     map[int]string
	BootFails int
	Adopted   bool
	Signals   []int8
}

// AppUsage is measured.
//
//nkv:json
type AppUsage struct {
	CPUNanos uint64  `json:"cpu"`
	MemBytes uint64  `json:"mem"`
	MemPct   float64 `json:"mem_pct"`
	NetRx    uint64
	NetTx    uint64
	Disks    map[string]DiskUsage
	Since    time.Time
}

// DiskUsage is the traffic of a disk.
//
//nkv:json
type DiskUsage struct {
	Read, Written   uint64
	ReadOps, Writes uint32
	Latency         []float32
}
