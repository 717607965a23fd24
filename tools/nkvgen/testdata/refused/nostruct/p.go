// Package p is refused: type T: the directive is for struct types
package p

//nkv:json
type T []int
