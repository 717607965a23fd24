//go:build race

package guarantees

// raced tells that the race detector is on, which makes all some ten times
// slower.
const raced = true
