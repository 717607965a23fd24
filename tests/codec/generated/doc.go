// Package generated is the corpus of package plain with generated code. Its files
// are copies, but for this one and zz_nkv.go.
//
// It must not be edited.
//
// Start reading at package plain.
package generated

//go:generate go run ../../../tools/nkvgen . ./part
