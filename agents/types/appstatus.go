package types

import "time"

// AppInstanceStatus says how an application stands, put together by zedmanager
// from what the other agents say of its parts. Its key is the application's id.
//
//nkv:table owner=zedmanager
type AppInstanceStatus struct {
	// UUID is the application's id.
	UUID string
	// Version is the controller's version of the configuration that it is of.
	Version string
	// DisplayName is a name for people.
	DisplayName string
	// Wanted says that it shall run. It is false when it is switched off, and
	// when it is not configured any more and still has to end.
	Wanted bool
	// State is the application's as a whole: that of the part that it waits for.
	State SwState
	// Volumes are its volumes, in the order of the configuration.
	Volumes []AppVolumeStatus
	// Networks are its network interfaces, in the order of the configuration.
	Networks []AppNetworkStatus
	// PID is its process; 0: there is none.
	PID int
	// StartedAt is when the process was started.
	StartedAt time.Time `json:",omitzero"`
	// Problem says what is wrong, where and since when.
	Problem Problem `json:",omitzero"`
}

// AppVolumeStatus is how a volume of an application stands.
//
//nkv:json
type AppVolumeStatus struct {
	// VolumeID is the volume's id.
	VolumeID string
	// DisplayName is a name for people.
	DisplayName string
	// GenerationCounter is its generation.
	GenerationCounter int64
	// State is the volume's; INITIAL: volumemgr has not said yet.
	State SwState
}

// AppNetworkStatus is how a network interface of an application stands.
//
//nkv:json
type AppNetworkStatus struct {
	// Name is the interface's name.
	Name string
	// NetworkID is the id of the network instance.
	NetworkID string
	// DisplayName is the network instance's name for people.
	DisplayName string
	// Ready says that the network instance is there and switched on.
	Ready bool
	// Uplinks are the ports that lead out of it and work, in order; none for an
	// air gap, and when no port works.
	Uplinks []string
}
