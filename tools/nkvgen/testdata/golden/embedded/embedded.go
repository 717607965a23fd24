// Package embedded has structs in structs.
package embedded

type base struct {
	ID   int
	Name string
}

// Middle is embedded by pointer.
type Middle struct {
	Name  string
	Depth int
}

// Outer takes the names that are least deep.
//
//nkv:json
type Outer struct {
	base
	*Middle
	Depth string `json:"depth"`
	Skip  func() `json:"-"`
}
