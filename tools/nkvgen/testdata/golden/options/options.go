// Package options has every option of a tag.
package options

import "time"

// Options are options.
//
//nkv:json
type Options struct {
	Empty  []int             `json:"empty,omitempty"`
	Zero   time.Time         `json:"zero,omitzero"`
	Text   int64             `json:"text,string"`
	Dash   int               `json:"-,"`
	HTML   string            `json:"<&>"`
	Bytes  []byte            `json:"bytes"`
	Fixed  [2]bool           `json:"fixed"`
	ByInt  map[int]float64   `json:"by_int"`
	Nested map[string][]*int `json:"nested"`
}
