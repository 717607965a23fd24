//go:build race

package server_test

import "golang.org/x/crypto/bcrypt"

// The race detector makes large values and crowds slow.
const (
	largestValue = 1 << 20
	crowdRounds  = 3
	badLogins    = 800
	raceBuild    = true
	hashCost     = bcrypt.MinCost
)
