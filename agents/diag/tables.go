package diag

import (
	"context"

	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/pkg/agent"
)

// change is one handler call, as the ways of showing see it.
type change struct {
	op       Op
	table    string
	key      string
	now, old any // the value's structs; nil where they do not apply
}

// reader feeds the model from its tables. It belongs to the event loop of its
// agent.
type reader struct {
	agent     *agent.Agent
	model     *Model
	changed   func(change) // called after each change of the model
	completed func()       // called when the last table was read completely
	waiting   int          // tables that were not read completely yet
}

// subscribe starts to read all tables, in the order in which they are listed.
func (r *reader) subscribe(ctx context.Context) error {
	m := r.model
	for _, err := range []error{
		read(ctx, r, topics.ZedAgentStatus, m.ZedAgent),
		read(ctx, r, topics.LastGoodConfig, m.LastGood),
		read(ctx, r, topics.PhysicalIOAdapter, m.Adapters),
		read(ctx, r, topics.VLANAdapter, m.VLANs),
		read(ctx, r, topics.BondAdapter, m.Bonds),
		read(ctx, r, topics.NetworkPortConfig, m.Ports),
		read(ctx, r, topics.NetworkXObjectConfig, m.Networks),
		read(ctx, r, topics.NetworkInstanceConfig, m.NetworkInstances),
		read(ctx, r, topics.AppInstanceConfig, m.Apps),
		read(ctx, r, topics.VolumeConfig, m.Volumes),
		read(ctx, r, topics.ContentTreeConfig, m.ContentTrees),
		read(ctx, r, topics.DatastoreConfig, m.Datastores),
		read(ctx, r, topics.ConfigItem, m.ConfigItems),
		read(ctx, r, topics.DeviceNetworkStatus, m.DeviceNetwork),
		read(ctx, r, topics.NetworkPortStatus, m.PortStatus),
		read(ctx, r, topics.DownloaderStatus, m.Downloads, m.downloaded),
		read(ctx, r, topics.ContentTreeStatus, m.ContentStatus),
		read(ctx, r, topics.VolumeStatus, m.VolumeStatus),
		read(ctx, r, topics.DomainStatus, m.Domains),
		read(ctx, r, topics.DomainMetric, m.Metrics, m.sampled),
		read(ctx, r, topics.AppInstanceStatus, m.AppStatus),
		read(ctx, r, topics.LedStatus, m.Led),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// read keeps one map of the model equal to its table. Those who note something
// of a change are told it after the map has it.
func read[T any](ctx context.Context, r *reader, table agent.Table[T], values map[string]T, note ...func(op Op, key string, now, old T)) error {
	at := len(r.model.Tables)
	r.model.Tables = append(r.model.Tables, TableState{Table: table.String(), Owner: table.Owner})
	r.waiting++
	tell := func(c change, now, old T) error {
		for _, n := range note {
			n(c.op, c.key, now, old)
		}
		r.model.Tables[at].Keys = len(values)
		c.table = table.String()
		r.changed(c)
		return nil
	}
	var none T
	var sub *agent.Subscription[T]
	var err error
	sub, err = agent.Subscribe(ctx, r.agent, table, agent.Handlers[T]{
		Create: func(_ context.Context, key string, v T) error {
			values[key] = v
			return tell(change{op: OpCreate, key: key, now: v}, v, none)
		},
		Modify: func(_ context.Context, key string, v, old T) error {
			values[key] = v
			return tell(change{op: OpModify, key: key, now: v, old: old}, v, old)
		},
		Delete: func(_ context.Context, key string, old T) error {
			delete(values, key)
			return tell(change{op: OpDelete, key: key, old: old}, none, old)
		},
		Synchronized: func(context.Context) {
			r.model.Tables[at].Synchronized = true
			r.model.Tables[at].Restarts = sub.Restarts()
			if r.waiting--; r.waiting == 0 {
				r.completed()
			}
		},
		Restarted: func(_ context.Context, counter uint64) { r.model.Tables[at].Restarts = counter },
	})
	return err
}
