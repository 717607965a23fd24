package zedagent

import (
	"context"
	"time"

	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/wanted"
	"github.com/evenkv/nkv/agents/zedagent/devconfig"
)

// publishTimeout is how long the agent waits for the server to acknowledge a
// configuration as a whole. What it has not acknowledged by then the
// publications send when they can.
const publishTimeout = 5 * time.Second

// apply makes the tables equal to those of a configuration. What is referred
// to is published before, and unpublished after, what refers to it.
func (z *Agent) apply(ctx context.Context, t devconfig.Tables) *wanted.Result {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	r, p := &wanted.Result{}, &z.pubs
	if z.override != "" {
		t.Datastores = OverrideDatastores(t.Datastores, z.override)
	}

	wanted.Put(ctx, p.configItems, t.ConfigItems, r)
	wanted.Put(ctx, p.adapters, t.Adapters, r)
	wanted.Put(ctx, p.vlans, t.VLANs, r)
	wanted.Put(ctx, p.bonds, t.Bonds, r)
	wanted.Put(ctx, p.networks, t.Networks, r)
	wanted.Put(ctx, p.ports, t.Ports, r)
	wanted.Put(ctx, p.instances, t.NetworkInstances, r)
	wanted.Put(ctx, p.datastores, t.Datastores, r)
	wanted.Put(ctx, p.contentTrees, t.ContentTrees, r)
	wanted.Put(ctx, p.volumes, t.Volumes, r)
	wanted.Put(ctx, p.apps, t.Apps, r)

	wanted.Prune(ctx, p.apps, t.Apps, r)
	wanted.Prune(ctx, p.volumes, t.Volumes, r)
	wanted.Prune(ctx, p.contentTrees, t.ContentTrees, r)
	wanted.Prune(ctx, p.datastores, t.Datastores, r)
	wanted.Prune(ctx, p.instances, t.NetworkInstances, r)
	wanted.Prune(ctx, p.ports, t.Ports, r)
	wanted.Prune(ctx, p.networks, t.Networks, r)
	wanted.Prune(ctx, p.bonds, t.Bonds, r)
	wanted.Prune(ctx, p.vlans, t.VLANs, r)
	wanted.Prune(ctx, p.adapters, t.Adapters, r)
	wanted.Prune(ctx, p.configItems, t.ConfigItems, r)
	return r
}

// tellRestart tells the readers, once, that the agent has published all it
// knew after its start.
func (z *Agent) tellRestart(ctx context.Context) {
	p := &z.pubs
	z.began.Tell(ctx, z.log, p.configItems, p.adapters, p.vlans, p.bonds, p.networks, p.ports,
		p.instances, p.datastores, p.contentTrees, p.volumes, p.apps, p.lastGood, p.status)
}

// counts returns the number of keys by topic.
func counts(t devconfig.Tables) map[string]int {
	return map[string]int{
		topics.PhysicalIOAdapter.Name().Topic:     len(t.Adapters),
		topics.VLANAdapter.Name().Topic:           len(t.VLANs),
		topics.BondAdapter.Name().Topic:           len(t.Bonds),
		topics.NetworkPortConfig.Name().Topic:     len(t.Ports),
		topics.NetworkXObjectConfig.Name().Topic:  len(t.Networks),
		topics.NetworkInstanceConfig.Name().Topic: len(t.NetworkInstances),
		topics.AppInstanceConfig.Name().Topic:     len(t.Apps),
		topics.VolumeConfig.Name().Topic:          len(t.Volumes),
		topics.ContentTreeConfig.Name().Topic:     len(t.ContentTrees),
		topics.DatastoreConfig.Name().Topic:       len(t.Datastores),
		topics.ConfigItem.Name().Topic:            len(t.ConfigItems),
	}
}
