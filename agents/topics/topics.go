package topics

import (
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/pkg/agent"
)

// Names of the agents.
const (
	ZedAgent = "zedagent" // publishes the device's configuration
	NIM      = "nim"      // publishes how the device's network stands
	Diag     = "diag"     // shows the device
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
