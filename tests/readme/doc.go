// Package readme checks that the README is true: its commands run, its example is
// the one that the tests run, its links lead somewhere.
package readme
