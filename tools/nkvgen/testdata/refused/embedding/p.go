// Package p is refused: Outer embeds github.com/evenkv/nkv/tools/nkvgen/testdata/refused/embedding.T and would inherit its generated methods
package p

//nkv:json
type T struct{ A int }

// Outer has no directive.
type Outer struct {
	T
	B int
}
