package diag

import "github.com/evenkv/nkv/agents/types"

// Model holds every table that diag reads, by key. It belongs to one
// goroutine.
type Model struct {
	Adapters         map[string]types.PhysicalIOAdapter
	VLANs            map[string]types.VLANAdapter
	Bonds            map[string]types.BondAdapter
	Ports            map[string]types.NetworkPortConfig
	Networks         map[string]types.NetworkXObjectConfig
	NetworkInstances map[string]types.NetworkInstanceConfig
	Apps             map[string]types.AppInstanceConfig
	Volumes          map[string]types.VolumeConfig
	ContentTrees     map[string]types.ContentTreeConfig
	Datastores       map[string]types.DatastoreConfig
	ConfigItems      map[string]types.ConfigItem
	ZedAgent         map[string]types.ZedAgentStatus
	LastGood         map[string]types.LastGoodConfig
	PortStatus       map[string]types.NetworkPortStatus
	DeviceNetwork    map[string]types.DeviceNetworkStatus
	// Tables says how each table stands, in the order of their listing.
	Tables []TableState
	// Offline says why there is no connection to the server, so that what is
	// shown may be old; empty when there is one.
	Offline string
}

// TableState says how a table stands with diag.
type TableState struct {
	// Table is owner and topic, for example "zedagent.AppInstanceConfig".
	Table string `json:"table"`
	// Owner is the agent that publishes it.
	Owner string `json:"owner"`
	// Synchronized says that everything its owner had published was read.
	Synchronized bool `json:"synchronized"`
	// Keys is the number of keys.
	Keys int `json:"keys"`
	// Restarts is the owner's restart counter: 0 until it has published all
	// that it knew after a start.
	Restarts uint64 `json:"restarts"`
}

// NewModel returns a model without values.
func NewModel() *Model {
	return &Model{
		Adapters:         map[string]types.PhysicalIOAdapter{},
		VLANs:            map[string]types.VLANAdapter{},
		Bonds:            map[string]types.BondAdapter{},
		Ports:            map[string]types.NetworkPortConfig{},
		Networks:         map[string]types.NetworkXObjectConfig{},
		NetworkInstances: map[string]types.NetworkInstanceConfig{},
		Apps:             map[string]types.AppInstanceConfig{},
		Volumes:          map[string]types.VolumeConfig{},
		ContentTrees:     map[string]types.ContentTreeConfig{},
		Datastores:       map[string]types.DatastoreConfig{},
		ConfigItems:      map[string]types.ConfigItem{},
		ZedAgent:         map[string]types.ZedAgentStatus{},
		LastGood:         map[string]types.LastGoodConfig{},
		PortStatus:       map[string]types.NetworkPortStatus{},
		DeviceNetwork:    map[string]types.DeviceNetworkStatus{},
	}
}
