package part

import "time"

// Unit is used by another package in every way.
//
//nkv:json
type Unit struct {
	Name   string `json:"name"`
	Scale  float64
	Since  *time.Time `json:",omitempty"`
	Parts  []Unit     `json:"parts,omitempty"`
	Labels map[string]string
}

// Stamp is embedded by another package.
//
//nkv:json
type Stamp struct {
	By   string
	Rev  uint64 `json:"rev,string"`
	Note *Bare  `json:"note,omitempty"`
}

// Bare has no directive: code is generated for it where it is used.
type Bare struct {
	A []int
	B *Unit `json:",omitempty"`
	C Grade
}

// Grade is a named type of another package.
type Grade uint16
