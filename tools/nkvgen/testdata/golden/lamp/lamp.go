// Package lamp is what most packages look like.
package lamp

import (
	"net/netip"
	"time"
)

// Color is a text of a few.
type Color string

// State says how a lamp is. It is the agent's word, not the switch's.
//
//nkv:table owner=lamp
type State struct {
	// On says that it shines.
	On bool
	// Level is how bright, in percent.
	Level uint8
	Color Color
	Since time.Time
	Addr  netip.Addr
	Hours float32
	Rooms []Room
	Notes map[string]string `json:",omitempty"`
	Next  *State
}

// Room is where it hangs.
//
//nkv:json
type Room struct {
	Name  string `json:"name"`
	Floor int    `json:"floor,omitzero"`
}
