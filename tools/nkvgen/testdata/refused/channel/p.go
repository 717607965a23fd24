// Package p is refused: T.C[] is a chan, which does not survive JSON
package p

//nkv:json
type T struct {
	C []chan int
}
