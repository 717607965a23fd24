// Package p is refused: T.inner embeds a pointer to a struct that is not exported
package p

type inner struct{ A int }

//nkv:json
type T struct {
	*inner
}
