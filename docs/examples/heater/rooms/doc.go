// Package rooms declares what the agents of a house share: the types, the
// tables, whose each is and which of them last.
//
// The package must not know what anyone does with a table.
//
// Start reading at rooms.go.
package rooms
