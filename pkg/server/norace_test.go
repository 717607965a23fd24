//go:build !race

package server_test

import (
	"github.com/evenkv/nkv/pkg/server"
	"github.com/evenkv/nkv/pkg/server/access"
)

const (
	largestValue = server.MaxMaxValue // the largest that a server can be made to take
	crowdRounds  = 10                 // how often a crowd comes and goes
	badLogins    = 2_000
	raceBuild    = false
	hashCost     = access.Cost
)
