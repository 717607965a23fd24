package legacy

import (
	"sync"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/pkg/pubsub"
	"github.com/evenkv/nkv/pkg/pubsub/socketdriver"
)

// shared is the PubSub of the process, made for the agent that publishes first.
var shared struct {
	once sync.Once
	ps   *pubsub.PubSub
}

// Publish makes a publication of an agent.
func Publish(agentName string, topicType any) (pubsub.Publication, error) {
	return pubSub(agentName).NewPublication(pubsub.PublicationOptions{AgentName: agentName, TopicType: topicType})
}

// PublishPersistent makes a publication of an agent that outlives a reboot.
func PublishPersistent(agentName string, topicType any) (pubsub.Publication, error) {
	return pubSub(agentName).NewPublication(pubsub.PublicationOptions{AgentName: agentName, TopicType: topicType, Persistent: true})
}

func pubSub(agentName string) *pubsub.PubSub {
	shared.once.Do(func() {
		logger := logrus.New()
		log := entry{logger.WithField("source", agentName)}
		shared.ps = pubsub.New(&socketdriver.SocketDriver{Logger: logger, Log: log}, logger, log)
	})
	return shared.ps
}

// entry gives a logrus entry the names of EVE's log object.
type entry struct{ *logrus.Entry }

// Functionf logs at debug level, where the log object does.
func (e entry) Functionf(format string, args ...any) { e.Debugf(format, args...) }

// Noticef logs at info level.
func (e entry) Noticef(format string, args ...any) { e.Infof(format, args...) }
