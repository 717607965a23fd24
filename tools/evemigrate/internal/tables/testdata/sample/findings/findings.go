// Package findings has each of them.
package findings

import (
	"os"

	"example.com/sample/types"
	"github.com/lf-edge/eve/pkg/pillar/pubsub"
)

const agentName = "findings"

func missing(ps *pubsub.PubSub) {
	ps.NewSubscription(pubsub.SubscriptionOptions{AgentName: "nobody", TopicImpl: types.Missing{}})
}

func unread(ps *pubsub.PubSub) {
	ps.NewPublication(pubsub.PublicationOptions{AgentName: agentName, TopicType: types.Unread{}})
}

func twice(ps *pubsub.PubSub) {
	ps.NewPublication(pubsub.PublicationOptions{AgentName: agentName, TopicType: types.Twice{}})
	ps.NewPublication(pubsub.PublicationOptions{AgentName: agentName, TopicType: types.Twice{}})
	ps.NewSubscription(pubsub.SubscriptionOptions{AgentName: agentName, TopicImpl: types.Twice{}})
}

func differs(ps *pubsub.PubSub) {
	ps.NewPublication(pubsub.PublicationOptions{AgentName: agentName, TopicType: types.Differs{}})
	ps.NewSubscription(pubsub.SubscriptionOptions{AgentName: agentName, TopicImpl: types.Differs{}, Persistent: true})
}

func undecided(ps *pubsub.PubSub) {
	ps.NewPublication(pubsub.PublicationOptions{AgentName: agentName, TopicType: types.Undecided{}, Persistent: os.Getenv("DURABLE") != ""})
	ps.NewSubscription(pubsub.SubscriptionOptions{AgentName: agentName, TopicImpl: types.Undecided{}})
}

func unresolved(ps *pubsub.PubSub) {
	ps.NewSubscription(pubsub.SubscriptionOptions{AgentName: os.Args[1], TopicImpl: types.Unread{}})
}
