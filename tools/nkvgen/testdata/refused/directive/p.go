// Package p is refused: "//nkv:jsn" is neither nkv:json nor nkv:table
package p

//nkv:jsn
type T struct{}
