// Package fields keeps what options are made of in structs.
package fields

import (
	"example.com/sample/types"
	"github.com/lf-edge/eve/pkg/pillar/pubsub"
)

type agent struct {
	ps    *pubsub.PubSub
	name  string
	topic any
	late  string
	opts  pubsub.PublicationOptions
}

func newAgent(name string, topic any) *agent { return &agent{name: name, topic: topic} }

func run() {
	for _, a := range []*agent{newAgent("fieldsA", types.Held{}), newAgent("fieldsB", types.HeldTwo{})} {
		a.late = "fields"
		a.opts.AgentName = "fields"
		a.opts.TopicType = types.Fields{}
		a.open()
	}
}

func (a *agent) open() {
	a.ps.NewPublication(pubsub.PublicationOptions{AgentName: a.name, TopicType: a.topic})
	a.ps.NewPublication(pubsub.PublicationOptions{AgentName: a.late, TopicType: types.Late{}})
	a.ps.NewPublication(a.opts)
}

type spec struct {
	owner string
	topic any
}

func (a *agent) follow(s spec) {
	a.ps.NewSubscription(pubsub.SubscriptionOptions{AgentName: s.owner, TopicImpl: s.topic})
}

func follows(a *agent) {
	a.follow(spec{"fieldsA", types.Held{}})
	a.follow(spec{"fieldsB", types.HeldTwo{}})
}

var none = &agent{late: "none"}

type command struct{ owner *string }

func (c *command) flags(set func(name string) *string) { c.owner = set("owner") }

func parse(c interface {
	flags(func(string) *string)
}) {
	c.flags(nil)
}

func flagged(ps *pubsub.PubSub) {
	c := command{}
	parse(&c)
	ps.NewPublication(pubsub.PublicationOptions{AgentName: *c.owner, TopicType: types.Flagged{}})
}
