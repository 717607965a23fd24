package topics

import (
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/pkg/agent"
)

// Names of the agents.
const (
	ZedAgent   = "zedagent"   // publishes the device's configuration
	NIM        = "nim"        // publishes how the device's network stands
	VolumeMgr  = "volumemgr"  // makes volumes of content
	Downloader = "downloader" // fetches content
	ZedManager = "zedmanager" // puts an application's parts together
	DomainMgr  = "domainmgr"  // runs applications
	LedManager = "ledmanager" // shows the device's state with a light
	Diag       = "diag"       // shows the device
)

// The device's configuration, as zedagent publishes it from the file that is
// in force. The tables are volatile: after a boot they are published anew,
// from the file or from LastGoodConfig.
var (
	PhysicalIOAdapter     = agent.Table[types.PhysicalIOAdapter]{Owner: ZedAgent}
	VLANAdapter           = agent.Table[types.VLANAdapter]{Owner: ZedAgent}
	BondAdapter           = agent.Table[types.BondAdapter]{Owner: ZedAgent}
	NetworkPortConfig     = agent.Table[types.NetworkPortConfig]{Owner: ZedAgent}
	NetworkXObjectConfig  = agent.Table[types.NetworkXObjectConfig]{Owner: ZedAgent}
	NetworkInstanceConfig = agent.Table[types.NetworkInstanceConfig]{Owner: ZedAgent}
	AppInstanceConfig     = agent.Table[types.AppInstanceConfig]{Owner: ZedAgent}
	VolumeConfig          = agent.Table[types.VolumeConfig]{Owner: ZedAgent}
	ContentTreeConfig     = agent.Table[types.ContentTreeConfig]{Owner: ZedAgent}
	DatastoreConfig       = agent.Table[types.DatastoreConfig]{Owner: ZedAgent}
	ConfigItem            = agent.Table[types.ConfigItem]{Owner: ZedAgent}
)

// What zedagent tells of itself. Each table has one value, under
// types.StatusKey.
var (
	ZedAgentStatus = agent.Table[types.ZedAgentStatus]{Owner: ZedAgent}
	LastGoodConfig = agent.Table[types.LastGoodConfig]{Owner: ZedAgent, Durable: true}
)

// How the device's network stands, as nim finds it. DeviceNetworkStatus has
// one value, under types.StatusKey.
var (
	NetworkPortStatus   = agent.Table[types.NetworkPortStatus]{Owner: NIM}
	DeviceNetworkStatus = agent.Table[types.DeviceNetworkStatus]{Owner: NIM}
)

// Content, from request to file: volumemgr asks for what content trees and
// volumes need, downloader fetches it, volumemgr makes volumes of it.
// VolumeUse says which volumes zedmanager's applications hold.
var (
	DownloaderConfig  = agent.Table[types.DownloaderConfig]{Owner: VolumeMgr}
	DownloaderStatus  = agent.Table[types.DownloaderStatus]{Owner: Downloader}
	ContentTreeStatus = agent.Table[types.ContentTreeStatus]{Owner: VolumeMgr}
	VolumeStatus      = agent.Table[types.VolumeStatus]{Owner: VolumeMgr}
	VolumeUse         = agent.Table[types.VolumeUse]{Owner: ZedManager}
)

// Applications, from request to process: zedmanager asks for what is ready to
// run, domainmgr runs it, zedmanager says how each application stands.
var (
	DomainConfig      = agent.Table[types.DomainConfig]{Owner: ZedManager}
	DomainStatus      = agent.Table[types.DomainStatus]{Owner: DomainMgr}
	DomainMetric      = agent.Table[types.DomainMetric]{Owner: DomainMgr}
	AppInstanceStatus = agent.Table[types.AppInstanceStatus]{Owner: ZedManager}
)

// LedStatus is the light's pattern. It has one value, under types.StatusKey.
var LedStatus = agent.Table[types.LedStatus]{Owner: LedManager}
