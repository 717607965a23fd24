// Package broken does not type-check: nothing is known of what it calls.
package broken

import (
	"example.com/nowhere/device"
	"github.com/lf-edge/eve/pkg/pillar/pubsub"
)

const agentName = "broken"

func run(d *device.Device, ps *nothing) {
	d.PubSub().NewPublication(pubsub.PublicationOptions{AgentName: agentName, TopicType: device.Broken{}})
	ps.NewSubscription(pubsub.SubscriptionOptions{AgentName: agentName, TopicImpl: device.Broken{}, Persistent: d.Durable()})
}
