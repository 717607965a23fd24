// Command tool is a program without a constant for its name.
package main

import (
	"example.com/sample/shared"
	"example.com/sample/types"
	own "github.com/evenkv/nkv/pkg/pubsub"
	"github.com/lf-edge/eve/pkg/pillar/pubsub"
)

func main() {
	shared.Wait(&pubsub.PubSub{}, "tool")
	(&own.PubSub{}).NewSubscription(own.SubscriptionOptions{AgentName: "lamp", TopicImpl: types.Own{}})
}
