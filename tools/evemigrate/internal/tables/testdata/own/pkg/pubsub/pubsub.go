// Package pubsub stands for the project's own.
package pubsub

type (
	PublicationOptions struct {
		AgentName  string
		AgentScope string
		TopicType  any
		Persistent bool
	}
	SubscriptionOptions struct {
		CreateHandler func(any, string, any)
		AgentName     string
		AgentScope    string
		TopicImpl     any
		Activate      bool
		Ctx           any
		Persistent    bool
		MyAgentName   string
	}
	Publication  interface{ Close() error }
	Subscription interface{ Close() error }
	PubSub       struct{}
)

func (p *PubSub) NewPublication(options PublicationOptions) (Publication, error)    { return nil, nil }
func (p *PubSub) NewSubscription(options SubscriptionOptions) (Subscription, error) { return nil, nil }

// Internal is what the library calls of itself: no end of a table.
func Internal(p *PubSub) { p.NewPublication(PublicationOptions{AgentName: "internal", TopicType: 1}) }
