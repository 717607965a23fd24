// Package p is refused: type T: a table needs owner=AGENT
package p

//nkv:table durable
type T struct{}
