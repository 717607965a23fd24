package variants

import (
	"testing"

	"example.com/sample/types"
	"github.com/lf-edge/eve/pkg/pillar/pubsub"
)

func TestSomething(t *testing.T) {
	(&pubsub.PubSub{}).NewSubscription(pubsub.SubscriptionOptions{AgentName: agentName, TopicImpl: types.Tested{}})
}
