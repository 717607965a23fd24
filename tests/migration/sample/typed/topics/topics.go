// Package topics declares the sample's tables: owner and durability, once.
package topics

import (
	"github.com/evenkv/nkv/pkg/agent"

	"example.com/device/types"
)

// Reading has a key for each sensor.
var Reading = agent.Table[types.Reading]{Owner: "sensor", Durable: true}
