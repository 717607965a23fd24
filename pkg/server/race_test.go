//go:build race

package server_test

// The race detector makes large values and crowds slow.
const (
	largestValue = 1 << 20
	crowdRounds  = 3
)
