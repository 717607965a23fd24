// Package heater is the agent that the page docs/agents.md builds: it heats each
// room to its setpoint.
//
// It reads the tables Setpoint and Temperature, publishes HeaterStatus, and turns
// a relay for each room. A relay keeps its state when the agent ends, and when
// the power fails; so whatever the agent has turned on, its next instance must
// find, and turn off when nobody wants it any more.
//
// The package must not know how a relay is turned.
//
// Start reading at Agent.look (heater.go); what it decides is in decide.go, the
// slow work in relay.go. The smallest heater that works is in first_test.go.
package heater
