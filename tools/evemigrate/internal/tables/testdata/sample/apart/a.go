// Package a shares its directory with another.
package a

import "github.com/lf-edge/eve/pkg/pillar/pubsub"

const agentName = "aparta"

func run(ps *pubsub.PubSub, other *Other) {
	ps.NewPublication(pubsub.PublicationOptions{AgentName: agentName, TopicType: TopicA{}})
}
