package pubsub

import (
	"fmt"
	"reflect"
	"time"

	"github.com/sirupsen/logrus"
)

// Global names the tables of an empty agent name, in messages.
const Global = "global"

// PubSub makes an agent's publications and subscriptions, on one driver. Its
// methods are safe for concurrent use.
type PubSub struct {
	driver   Driver
	updaters Updaters
	log      Log

	turned                                    turns
	touchDir, watchdogFileDir, watchdogPidDir string
}

// New makes a PubSub on a driver. log gets what people should know, and is handed to
// values that log themselves. logger is taken for the sake of those who have one.
func New(driver Driver, _ *logrus.Logger, log Log) *PubSub {
	return &PubSub{
		driver: driver, log: log,
		touchDir: touchDir, watchdogFileDir: watchdogFileDir, watchdogPidDir: watchdogPidDir,
	}
}

// SubscriptionOptions say what to subscribe to, and how.
type SubscriptionOptions struct {
	// The handlers are called by ProcessChange, and by Activate for a persistent
	// subscription. A nil one is not called. ModifyHandler needs a CreateHandler.
	CreateHandler  SubCreateHandler
	ModifyHandler  SubModifyHandler
	DeleteHandler  SubDeleteHandler
	RestartHandler SubRestartHandler
	SyncHandler    SubSyncHandler
	WarningTime    time.Duration // a change that took longer is logged as a warning; 0: never
	ErrorTime      time.Duration // likewise as an error
	AgentName      string        // of the publisher; empty: a global table
	AgentScope     string
	TopicImpl      any // a value of the topic's type
	Activate       bool
	Ctx            any // handed to the handlers
	Persistent     bool
	MyAgentName    string // for the log
}

// SubCreateHandler is called for a key that is new.
type SubCreateHandler func(ctx any, key string, status any)

// SubModifyHandler is called for a key whose value is another one.
type SubModifyHandler func(ctx any, key string, status any, oldStatus any)

// SubDeleteHandler is called for a key that is gone, with its last value.
type SubDeleteHandler func(ctx any, key string, status any)

// SubRestartHandler is called when the publisher's restart counter is another one;
// 0: it was cleared.
type SubRestartHandler func(ctx any, restartCount int)

// SubSyncHandler is called with true when all that there was has come, and with
// false when the subscription is closed.
type SubSyncHandler func(ctx any, synchronized bool)

// NewSubscription makes a subscription. It tells nothing before Activate, which
// this calls when the options say so.
func (p *PubSub) NewSubscription(options SubscriptionOptions) (Subscription, error) {
	if options.TopicImpl == nil {
		return nil, fmt.Errorf("%w: a subscription to agent %q needs a TopicImpl", ErrOptions, options.AgentName)
	}
	topic := TypeToName(options.TopicImpl)
	if options.ModifyHandler != nil && options.CreateHandler == nil {
		return nil, fmt.Errorf("%w: a subscription to %s has a ModifyHandler and no CreateHandler", ErrOptions, topic)
	}
	changes := make(chan Change, channelSize)
	sub := newSubscription(p, options, changes)
	driver, err := p.driver.Subscriber(options.AgentName == "", sub.name, topic, options.Persistent, changes)
	if err != nil {
		return sub, err
	}
	sub.driver = driver
	if options.Activate {
		if err := sub.Activate(); err != nil {
			return sub, err
		}
	}
	return sub, nil
}

// channelSize is how many changes may lie in a subscription's channel: a driver
// can go on a little while the agent is busy, and what it has not sent it can still
// replace by something newer.
const channelSize = 3

// PublicationOptions say what to publish, and how.
type PublicationOptions struct {
	AgentName  string // empty: a global table
	AgentScope string
	TopicType  any // a value of the topic's type
	Persistent bool
}

// NewPublication makes a publication, with what was published in it before.
func (p *PubSub) NewPublication(options PublicationOptions) (Publication, error) {
	if options.TopicType == nil {
		return nil, fmt.Errorf("%w: a publication of agent %q needs a TopicType", ErrOptions, options.AgentName)
	}
	topic := TypeToName(options.TopicType)
	pub := &PublicationImpl{
		topicType: reflect.TypeOf(options.TopicType), topic: topic,
		name:     tableName(options.AgentName, options.AgentScope, topic),
		updaters: &p.updaters, persistent: options.Persistent, log: p.log, values: map[string][]byte{},
	}
	driver, err := p.driver.Publisher(options.AgentName == "", pub.name, topic, options.Persistent, pub.updaters, pub, pub)
	if err != nil {
		return pub, err
	}
	pub.driver = driver
	pub.populate()
	if err := driver.Start(); err != nil {
		return pub, err
	}
	return pub, nil
}

// tableName is a driver's name for a table.
func tableName(agent, scope, topic string) string {
	if scope == "" {
		return agent + "/" + topic
	}
	return agent + "/" + scope + "/" + topic
}
