package legacy

import "github.com/lf-edge/eve/pkg/pillar/pubsub"

func Publish(agentName string, topicType any) (pubsub.Publication, error) {
	return (&pubsub.PubSub{}).NewPublication(pubsub.PublicationOptions{AgentName: agentName, TopicType: topicType})
}

func PublishPersistent(agentName string, topicType any) (pubsub.Publication, error) {
	return (&pubsub.PubSub{}).NewPublication(pubsub.PublicationOptions{AgentName: agentName, TopicType: topicType, Persistent: true})
}
