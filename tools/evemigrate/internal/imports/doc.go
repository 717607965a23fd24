// Package imports changes import paths in Go source: those of one package and of
// the packages below it that have a counterpart. Nothing else in a file changes, not
// by a byte.
//
// It must not know what the packages are.
//
// Start reading at NewPlan: it reads, and changes nothing; Plan.Write does.
package imports
