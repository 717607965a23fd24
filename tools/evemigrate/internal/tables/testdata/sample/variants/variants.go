// Package variants differs with build tags.
package variants

import (
	"example.com/sample/types"
	"github.com/lf-edge/eve/pkg/pillar/pubsub"
)

const agentName = "variants"

func read(ps *pubsub.PubSub) {
	ps.NewSubscription(pubsub.SubscriptionOptions{AgentName: agentName, TopicImpl: types.Either{}})
}
