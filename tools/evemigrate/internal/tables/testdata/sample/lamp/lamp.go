// Package lamp is an agent.
package lamp

import (
	"example.com/sample/shared"
	"example.com/sample/types"
	"github.com/lf-edge/eve/pkg/pillar/pubsub"
)

const agentName = "lamp"

func run(ps *pubsub.PubSub) {
	ps.NewPublication(pubsub.PublicationOptions{AgentName: agentName, TopicType: types.Shared{}})
	open(ps, "")
	shared.Run(starter{}, ps)
}

func open(ps *pubsub.PubSub, scope string) { shared.Open(ps, agentName, scope, true) }

type starter struct{}

func (starter) Start(ps *pubsub.PubSub, name string) {
	ps.NewPublication(pubsub.PublicationOptions{AgentName: name, TopicType: types.Through{}})
}
