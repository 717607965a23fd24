// Package b shares its directory with another.
package b

import "github.com/lf-edge/eve/pkg/pillar/pubsub"

const agentName = "apartb"

func run(ps *pubsub.PubSub, other *Other) {
	ps.NewPublication(pubsub.PublicationOptions{AgentName: agentName, TopicType: TopicB{}})
}
