// Package guide runs the commands of docs/migrating.md, one after the other, in a
// copy of the sample tree.
package guide
