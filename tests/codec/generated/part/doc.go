// Package part is the piece of the corpus that lies in a package of its own.
//
// It must not know the package that uses it.
//
// Start reading at Unit.
package part
