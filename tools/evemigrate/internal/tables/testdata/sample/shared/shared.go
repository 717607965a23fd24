// Package shared is called by several agents.
package shared

import (
	"example.com/sample/types"
	"github.com/lf-edge/eve/pkg/pillar/pubsub"
)

// Wait reads another's table for the agent that calls it.
func Wait(ps *pubsub.PubSub, agentName string) {
	ps.NewSubscription(pubsub.SubscriptionOptions{AgentName: "lamp", MyAgentName: agentName, TopicImpl: types.Shared{}})
}

// Open publishes for the agent that calls it.
func Open(ps *pubsub.PubSub, agentName, scope string, durable bool) {
	ps.NewPublication(pubsub.PublicationOptions{AgentName: agentName, AgentScope: scope, TopicType: types.Passed{}, Persistent: durable})
}

// Starter is what runs an agent.
type Starter interface {
	Start(ps *pubsub.PubSub, name string)
}

// Run calls through an interface.
func Run(s Starter, ps *pubsub.PubSub) { s.Start(ps, "through") }

// Never is not called.
func Never(ps *pubsub.PubSub, owner string) {
	ps.NewSubscription(pubsub.SubscriptionOptions{AgentName: owner, TopicImpl: types.Open{}})
}
