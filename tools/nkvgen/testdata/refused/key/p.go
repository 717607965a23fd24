// Package p is refused: T.M is a map with keys of bool, which JSON does not take
package p

//nkv:json
type T struct {
	M map[bool]int
}
