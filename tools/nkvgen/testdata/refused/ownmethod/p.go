// Package p is refused: T has a method MarshalJSON of its own; remove the method or the directive
package p

//nkv:json
type T struct{ A int }

// MarshalJSON is in the way.
func (T) MarshalJSON() ([]byte, error) { return nil, nil }
