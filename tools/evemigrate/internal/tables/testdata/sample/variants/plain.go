//go:build !k

package variants

import (
	"example.com/sample/types"
	"github.com/lf-edge/eve/pkg/pillar/pubsub"
)

func publish(ps *pubsub.PubSub) {
	ps.NewPublication(pubsub.PublicationOptions{AgentName: agentName, TopicType: types.Either{}})
}
