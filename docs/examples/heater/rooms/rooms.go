package rooms

import (
	"time"

	"github.com/evenkv/nkv/pkg/agent"
)

// Names of the agents.
const (
	Panel  = "panel"  // the dials on the wall
	Sensor = "sensor" // the thermometers
	Heater = "heater" // turns the heating of each room on and off
)

// The tables. The key of each is the room.
var (
	// Setpoints are volatile: after a boot the panel reads its dials anew.
	Setpoints = agent.Table[Setpoint]{Owner: Panel}
	// Temperatures are volatile: after a boot they are measured anew.
	Temperatures = agent.Table[Temperature]{Owner: Sensor}
	// HeaterStatuses are durable: a relay stays on over a power loss, and whose
	// it is must be known then.
	HeaterStatuses = agent.Table[HeaterStatus]{Owner: Heater, Durable: true}
)

// Setpoint says how warm a room is to be.
type Setpoint struct {
	Celsius float64
}

// Temperature says how warm a room is.
type Temperature struct {
	Celsius float64
	// Measured is when.
	Measured time.Time
}

// HeaterStatus is the heater's answer to a Setpoint.
type HeaterStatus struct {
	// Setpoint is the one that it answers, in degrees Celsius.
	Setpoint float64
	// On says that the room is to be heated now.
	On bool
	// Problem says what is wrong; empty: nothing is.
	Problem string
}
