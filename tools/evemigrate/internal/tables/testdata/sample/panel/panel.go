// Package panel is an agent.
package panel

import (
	"os"

	"example.com/sample/shared"
	"example.com/sample/types"
	"github.com/lf-edge/eve/pkg/pillar/pubsub"
)

const agentName = "panel"

func run(ps *pubsub.PubSub) {
	shared.Wait(ps, agentName)
	shared.Open(ps, agentName, "wall", false)
	ps.NewSubscription(pubsub.SubscriptionOptions{AgentName: "lamp", MyAgentName: "display", TopicImpl: types.Passed{}, Persistent: true})
	ps.NewSubscription(pubsub.SubscriptionOptions{AgentName: os.Getenv("LAMP"), MyAgentName: agentName, TopicImpl: types.Passed{}})
	open := ps.NewSubscription
	open(pubsub.SubscriptionOptions{AgentName: "lamp", TopicImpl: types.Value{}})
}
