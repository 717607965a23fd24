//go:build !race

package server_test

import "github.com/evenkv/nkv/pkg/server"

// largestValue is the largest value that a server can be made to take.
const largestValue = server.MaxMaxValue
