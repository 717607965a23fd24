package types

import "time"

// DomainConfig is zedmanager's request to run an application. Its key is the
// application's id. It is there only while the application shall run and
// everything that it needs is ready.
//
//nkv:table owner=zedmanager
type DomainConfig struct {
	// UUID is the application's id.
	UUID string
	// DisplayName is a name for people.
	DisplayName string
	// VCPUs is the number of processors.
	VCPUs uint32
	// MemoryKiB is the memory in KiB.
	MemoryKiB int64
	// Volumes are the files that it uses, in their order.
	Volumes []DomainVolume
	// Networks are the network interfaces that it gets, in their order.
	Networks []DomainNetwork
	// RestartCounter grows each time a restart is asked for.
	RestartCounter uint32
}

// DomainVolume is one file that an application uses.
//
//nkv:json
type DomainVolume struct {
	// VolumeID is the volume's id.
	VolumeID string
	// GenerationCounter is its generation.
	GenerationCounter int64
	// Path is the file.
	Path string
	// MountDir is where the application finds it.
	MountDir string
	// ReadOnly says that it must not be written to.
	ReadOnly bool
}

// DomainNetwork is one network interface of an application.
//
//nkv:json
type DomainNetwork struct {
	// Name is the interface's name.
	Name string
	// NetworkID is the id of the network instance.
	NetworkID string
}

// DomainStatus says how an application's process stands, as domainmgr finds it.
// Its key is the application's id.
//
//nkv:table owner=domainmgr
type DomainStatus struct {
	// UUID is the application's id.
	UUID string
	// DisplayName is a name for people.
	DisplayName string
	// State is BOOTING, RUNNING, RESTARTING, HALTING, HALTED or ERROR.
	State SwState
	// Running is the request that the process was started with; its volumes are
	// in use. Zero when no process is there.
	Running DomainConfig `json:",omitzero"`
	// PID is the process; 0: there is none.
	PID int
	// StartedAt is when it was started.
	StartedAt time.Time `json:",omitzero"`
	// Starts counts the processes started for the application since domainmgr
	// or the application's request began, whichever is later; one that was found
	// running counts as one.
	Starts uint32
	// Failures counts how often it ended by itself or could not be started, in a
	// row: a process that lived long enough begins the count anew.
	Failures uint32
	// RestartAt is when it is started again, when State is RESTARTING or ERROR.
	RestartAt time.Time `json:",omitzero"`
	// Problem says why it ended or could not be started last.
	Problem Problem `json:",omitzero"`
}

// DomainMetric is what an application's process uses, as domainmgr sampled it.
// Its key is the application's id.
//
//nkv:table owner=domainmgr
type DomainMetric struct {
	// UUID is the application's id.
	UUID string
	// PID is the process that was sampled.
	PID int
	// CPUNanoseconds is the processor time that it has used since its start.
	CPUNanoseconds uint64
	// ResidentBytes is its memory in use.
	ResidentBytes uint64
	// Sampled is when.
	Sampled time.Time
}
