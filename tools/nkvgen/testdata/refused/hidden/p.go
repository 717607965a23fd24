// Package p is refused: T.hidden is not exported, so JSON leaves it out; export it
package p

//nkv:json
type T struct {
	hidden int
}
