package ledmanager

import (
	"fmt"

	"github.com/evenkv/nkv/agents/types"
)

// Pattern is what the light shows.
type Pattern struct {
	// Blinks is how often it blinks before it pauses.
	Blinks uint32
	// Meaning says what that stands for.
	Meaning string
}

// Device is what a pattern depends on.
type Device struct {
	ZedAgent types.ZedAgentStatus
	Network  types.DeviceNetworkStatus
	Apps     map[string]types.AppInstanceStatus
	// Waiting says that not all agents have told what they know: what is missing
	// says nothing.
	Waiting bool
}

// The numbers of blinks. The first ones are steps on the way to a device that
// works, those from 10 on are errors, as EVE-OS numbers them.
const (
	BlinksNoConfiguration = 1  // no configuration is in force
	BlinksStarting        = 2  // wanted applications are on their way, or not all is known yet
	BlinksNoUplink        = 3  // all run, and no management port works
	BlinksRunning         = 4  // all is as wanted
	BlinksAppError        = 10 // an application is in error
	BlinksConfigRefused   = 11 // the configuration file was refused; one before it is in force
)

// Choose returns the pattern for a device: the first that applies of no
// configuration, an application in error, a refused configuration, applications
// on their way, agents that have not told yet, no uplink.
func Choose(d Device) Pattern {
	failed, running, wanted := 0, 0, 0
	for _, app := range d.Apps {
		if !app.Wanted {
			continue
		}
		wanted++
		switch app.State {
		case types.StateError, types.StateRestarting:
			failed++
		case types.StateRunning:
			running++
		}
	}
	switch {
	case d.ZedAgent.Source == "" || d.ZedAgent.Source == types.ConfigSourceNone:
		return Pattern{BlinksNoConfiguration, "no configuration"}
	case failed > 0:
		return Pattern{BlinksAppError, fmt.Sprintf("applications in error: %d of %d", failed, wanted)}
	case d.ZedAgent.FileState == types.ConfigFileInvalid:
		return Pattern{BlinksConfigRefused, "the configuration file was refused; the one before is in force"}
	case running < wanted:
		return Pattern{BlinksStarting, fmt.Sprintf("applications running: %d of %d", running, wanted)}
	case d.Waiting:
		return Pattern{BlinksStarting, "not all agents have told how the device stands"}
	case d.Network.MgmtUp == 0:
		return Pattern{BlinksNoUplink, "no management port works"}
	}
	return Pattern{BlinksRunning, "all is as wanted"}
}
