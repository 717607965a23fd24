// Package nim is the agent that compares the wanted ports with the interfaces
// that the device really has, and publishes how they stand.
//
// It reads the port and adapter tables of zedagent and publishes the tables
// NetworkPortStatus and DeviceNetworkStatus, at once when either side changes.
// It changes nothing at the host: that is the task of who manages its
// network.
//
// The package must not know where the interfaces are looked up; package netif
// does.
//
// Start reading at Compare (compare.go), which is the whole judgement; the
// agent around it is in agent.go.
package nim
