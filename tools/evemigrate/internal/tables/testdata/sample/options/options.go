// Package options makes its options in all ways that are followed.
package options

import (
	"encoding/json"
	"reflect"

	"example.com/sample/types"
	"github.com/lf-edge/eve/pkg/pillar/pubsub"
	other "github.com/lf-edge/eve/pkg/pillar/pubsub/legacy"
)

const (
	agentName = "options"
	prefix    = "op"
)

type options = pubsub.PublicationOptions

func plain(ps *pubsub.PubSub) {
	ps.NewPublication(pubsub.PublicationOptions{AgentName: "options", TopicType: types.Literal{}})
	ps.NewPublication(pubsub.PublicationOptions{AgentName: prefix + "tions", AgentScope: agentName + "2", TopicType: &types.Constants{}, Persistent: !false})
	opts := options{AgentName: agentName, TopicType: types.Variable{}}
	ps.NewPublication(opts)
	var set pubsub.PublicationOptions
	set.AgentName, set.TopicType = agentName, types.FieldsSet{}
	set.Persistent = true
	ps.NewPublication(set)
	pointer := &options{AgentName: "wrong"}
	pointer.AgentName = agentName
	pointer.TopicType = new(types.Pointer)
	(ps.NewPublication)(*pointer)
	ps.NewPublication(options{agentName, "two", types.Positional{}, false})
	ps.NewPublication(options{AgentName: agentName, TopicType: types.Box[types.Literal]{}})
	ps.NewPublication(options{AgentName: agentName, AgentScope: "alias", TopicType: types.Aliased{}})
	ps.NewPublication(options{AgentName: "", AgentScope: "ignored", TopicType: types.Global{}})
	ps.NewPublication(options{AgentName: agentName[:2], TopicType: types.Sliced{}})
	other.Publish(agentName, types.Legacy{})
	other.PublishPersistent("", types.Lasting{})
}

func helped(ps *pubsub.PubSub) {
	ps.NewPublication(build(agentName, types.Helper{}))
	ps.NewPublication(build(name(1), types.HelperTwo{}))
	var opts options
	fill(&opts, types.Filled{})
	ps.NewPublication(opts)
	made, err := results()
	if err != nil {
		return
	}
	ps.NewPublication(made)
	ps.NewPublication(named())
}

func build(agent string, topic any) options { return options{AgentName: agent, TopicType: topic} }

func name(n int) string {
	text := "options"
	return text
}

func fill(o *options, topic any) {
	o.AgentName = agentName
	o.TopicType = topic
}

func results() (options, error) {
	if prefix == "" {
		return options{}, errNothing
	}
	return options{AgentName: agentName, TopicType: types.Results{}}, nil
}

var errNothing error

func named() (o options) {
	o.AgentName = agentName
	o.TopicType = types.NamedOnes{}
	return
}

func branches(ps *pubsub.PubSub, n int) {
	var agent string
	var topic any
	if n > 0 {
		agent, topic = "optionsA", types.BranchA{}
	} else {
		agent, topic = "optionsB", types.BranchB{}
	}
	ps.NewPublication(options{AgentName: agent, TopicType: topic})

	scope := ""
	if n > 1 {
		scope = "many"
	}
	ps.NewPublication(options{AgentName: agentName, AgentScope: scope, TopicType: types.MaybeScope{}})

	var durable bool
	switch n {
	case 1:
		durable = true
	default:
		durable = true
	}
	ps.NewPublication(options{AgentName: agentName, TopicType: types.Switched{}, Persistent: durable})

	reused := options{AgentName: agentName, TopicType: types.Reused{}}
	ps.NewPublication(reused)
	reused.TopicType = types.ReusedNext{}
	ps.NewPublication(reused)

	level := "before"
	for range n {
		ps.NewPublication(options{AgentName: agentName, AgentScope: level, TopicType: types.Level{}})
		level = "after"
	}
}

type row struct {
	agent string
	topic any
}

var keyed = map[string]any{"keyA": types.KeyA{}, "keyB": types.KeyB{}}

func lists(ps *pubsub.PubSub) {
	for _, r := range []row{{"rowA", types.RowA{}}, {agent: "rowB", topic: types.RowB{}}} {
		ps.NewPublication(options{AgentName: r.agent, TopicType: r.topic})
	}
	for agent, topic := range keyed {
		ps.NewPublication(options{AgentName: agent, TopicType: topic})
	}
	rest(ps, types.RestA{}, types.RestB{})
	ps.NewPublication(options{AgentName: []string{"none", agentName}[1], TopicType: map[int]any{3: types.Indexed{}}[3]})
}

func rest(ps *pubsub.PubSub, topics ...any) {
	for _, topic := range topics {
		ps.NewPublication(options{AgentName: agentName, TopicType: topic})
	}
}

func closures(ps *pubsub.PubSub, off bool) {
	scope := "inner"
	open := func(topic any, durable bool) {
		ps.NewPublication(options{AgentName: agentName, AgentScope: scope, TopicType: topic, Persistent: !durable})
	}
	open(types.Closure{}, true)
	open(types.ClosureTwo{}, false)
	generic[types.Generic](ps)
	generic[types.Made](ps)
	ps.NewPublication(options{AgentName: agentName, TopicType: bare(&types.Reflected{})})
}

func generic[T any](ps *pubsub.PubSub) {
	var zero T
	ps.NewPublication(options{AgentName: agentName, TopicType: zero})
	ps.NewPublication(options{AgentName: agentName, AgentScope: "new", TopicType: new(T)})
}

func bare(v any) any {
	r := reflect.ValueOf(v)
	if r.Kind() == reflect.Pointer {
		r = r.Elem()
	}
	return r.Interface()
}

// opener stands between.
type opener interface {
	NewPublication(pubsub.PublicationOptions) (pubsub.Publication, error)
}

func between(o opener) {
	o.NewPublication(options{AgentName: agentName, TopicType: types.Interfaced{}})
}

func recursive(ps *pubsub.PubSub, agent string, n int) {
	if n > 0 {
		recursive(ps, agent, n-1)
	}
	ps.NewPublication(options{AgentName: agent, TopicType: types.Recursive{}})
}

func starts(ps *pubsub.PubSub) { recursive(ps, agentName, 3) }

// looped is called by nobody but itself.
func looped(ps *pubsub.PubSub, agent string) {
	ps.NewPublication(options{AgentName: agent, TopicType: types.Looped{}})
	looped(ps, agent)
}

var lateName string

func init() { lateName = agentName }

func odd(ps *pubsub.PubSub, n int, data []byte) {
	ps.NewPublication(options{AgentName: name(n) + "Joined", TopicType: types.Joined{}})
	agent := "optionsA"
	if n > 0 {
		agent = "optionsB"
	} else {
		ps.NewPublication(options{AgentName: agent, TopicType: types.Sibling{}})
	}
	for range n {
		scope := "fresh"
		ps.NewPublication(options{AgentName: agentName, AgentScope: scope, TopicType: types.Fresh{}})
		scope = "stale"
	}
	decoded := options{AgentName: agentName, TopicType: types.Decoded{}}
	if err := json.Unmarshal(data, &decoded); err == nil {
		ps.NewPublication(decoded)
	}
	ps.NewPublication(options{AgentName: lateName, TopicType: types.LateName{}})
}
