// Package ledmanager is the agent that turns the device's state into a blink
// pattern, for people who stand before a box without a screen. It writes the
// pattern to a file, as a driver of a light takes it, and publishes what it
// shows.
//
// The file has two lines: how often the light blinks before it pauses, and what
// that means.
//
// The package must not know how a light is driven.
//
// Start reading at Choose (pattern.go); the agent around it is in agent.go.
package ledmanager
