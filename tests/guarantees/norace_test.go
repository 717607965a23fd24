//go:build !race

package guarantees

// raced tells that the race detector is on.
const raced = false
