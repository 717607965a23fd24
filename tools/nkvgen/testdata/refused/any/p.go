// Package p is refused: T.Any is a interface, which does not survive JSON
package p

//nkv:json
type T struct {
	Any any
}
