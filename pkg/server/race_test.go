//go:build race

package server_test

// largestValue is less than the limit: the race detector makes large ones slow.
const largestValue = 1 << 20
