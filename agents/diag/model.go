package diag

import (
	"time"

	"github.com/evenkv/nkv/agents/types"
)

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
	Downloads        map[string]types.DownloaderStatus
	ContentStatus    map[string]types.ContentTreeStatus
	VolumeStatus     map[string]types.VolumeStatus
	Domains          map[string]types.DomainStatus
	Metrics          map[string]types.DomainMetric
	AppStatus        map[string]types.AppInstanceStatus
	Led              map[string]types.LedStatus
	// EarlierMetrics are the samples before those in Metrics.
	EarlierMetrics map[string]types.DomainMetric
	// Speeds are those of the downloads under way.
	Speeds map[string]*Speed
	// Survey says how far the agents' subscriptions are.
	Survey Survey
	// Tables says how each table stands, in the order of their listing.
	Tables []TableState
	// Offline says why there is no connection to the server, so that what is
	// shown may be old; empty when there is one.
	Offline string
	// Now tells the time.
	Now func() time.Time
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
		Downloads:        map[string]types.DownloaderStatus{},
		ContentStatus:    map[string]types.ContentTreeStatus{},
		VolumeStatus:     map[string]types.VolumeStatus{},
		Domains:          map[string]types.DomainStatus{},
		Metrics:          map[string]types.DomainMetric{},
		AppStatus:        map[string]types.AppInstanceStatus{},
		Led:              map[string]types.LedStatus{},
		EarlierMetrics:   map[string]types.DomainMetric{},
		Speeds:           map[string]*Speed{},
		Now:              time.Now,
	}
}

// downloaded follows a download's speed.
func (m *Model) downloaded(op Op, key string, now, _ types.DownloaderStatus) {
	if op == OpDelete || now.State != types.DownloadRunning {
		delete(m.Speeds, key)
		return
	}
	if m.Speeds[key] == nil {
		m.Speeds[key] = &Speed{}
	}
	m.Speeds[key].Add(m.Now(), now.CurrentBytes)
}

// sampled keeps the sample before the newest.
func (m *Model) sampled(op Op, key string, now, old types.DomainMetric) {
	switch {
	case op == OpDelete:
		delete(m.EarlierMetrics, key)
	case op == OpModify && !now.Sampled.Equal(old.Sampled):
		m.EarlierMetrics[key] = old
	}
}

// surveyed takes a survey. Of tables that could not be traced, because the
// server is not there, what was known before is kept.
func (m *Model) surveyed(found Survey) {
	if len(found.Traces) > 0 {
		found.At = m.Now().UTC().Round(0)
	} else {
		found.At = m.Survey.At
	}
	if found.Left > 0 {
		found.keep(m.Survey.Traces)
	}
	m.Survey = found
}

// missing returns the tables that were not read completely.
func (m *Model) missing() []string {
	var names []string
	for _, t := range m.Tables {
		if !t.Synchronized {
			names = append(names, t.Table)
		}
	}
	return names
}
