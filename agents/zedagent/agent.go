package zedagent

import (
	"context"
	"errors"
	"fmt"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/agents/filewatch"
	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/agents/wanted"
	"github.com/evenkv/nkv/pkg/agent"
)

// Options configure the agent.
type Options struct {
	// ConfigFile is the path of the configuration file; required. The file
	// need not exist.
	ConfigFile string
	// DatastoreOverride is the HTTP server that stands in for all datastores of
	// the configuration, for example "http://127.0.0.1:8080"; empty: none does.
	DatastoreOverride string
	// Logger gets what people should know; required. Values are never logged.
	Logger logrus.FieldLogger
}

// publications are the tables of the agent.
type publications struct {
	adapters     *agent.Publication[types.PhysicalIOAdapter]
	vlans        *agent.Publication[types.VLANAdapter]
	bonds        *agent.Publication[types.BondAdapter]
	ports        *agent.Publication[types.NetworkPortConfig]
	networks     *agent.Publication[types.NetworkXObjectConfig]
	instances    *agent.Publication[types.NetworkInstanceConfig]
	apps         *agent.Publication[types.AppInstanceConfig]
	volumes      *agent.Publication[types.VolumeConfig]
	contentTrees *agent.Publication[types.ContentTreeConfig]
	datastores   *agent.Publication[types.DatastoreConfig]
	configItems  *agent.Publication[types.ConfigItem]
	status       *agent.Publication[types.ZedAgentStatus]
	lastGood     *agent.Publication[types.LastGoodConfig]
}

// Agent publishes the configuration of one device. It belongs to the event
// loop of its agent.Agent.
type Agent struct {
	log      logrus.FieldLogger
	file     *filewatch.File
	override string // of the datastores; empty: none
	pubs     publications
	status   types.ZedAgentStatus
	seen     string // outcome of the last look: what it was and its checksum or error
	began    wanted.Restart
}

// Run publishes the configuration until ctx is done, with an agent that was
// connected under the name "zedagent"; then it returns nil and the agent is
// closed. It waits for the server, and for another zedagent to leave.
func Run(ctx context.Context, a *agent.Agent, opts Options) error {
	switch {
	case opts.ConfigFile == "":
		return fmt.Errorf("%w: ConfigFile is empty; name the configuration file", ErrInvalidOption)
	case opts.Logger == nil:
		return fmt.Errorf("%w: Logger is nil", ErrInvalidOption)
	}
	if err := CheckOverride(opts.DatastoreOverride); err != nil {
		return err
	}
	defer a.Close()
	z := &Agent{log: opts.Logger, override: opts.DatastoreOverride}
	if err := z.open(ctx, a); err != nil {
		if ctx.Err() != nil {
			return nil // told to end while waiting
		}
		return err
	}
	file, err := filewatch.Open(opts.ConfigFile, opts.Logger)
	if err != nil {
		return err
	}
	defer file.Close()
	z.file = file
	z.status = types.ZedAgentStatus{ConfigFile: file.Path(), Source: types.ConfigSourceNone}
	err = agent.On(a, "configuration file", file.Changes(), func(ctx context.Context, _ struct{}) { z.look(ctx) })
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

// open becomes the owner of all tables.
func (z *Agent) open(ctx context.Context, a *agent.Agent) error {
	p := &z.pubs
	return errors.Join(
		open(ctx, a, z, topics.LastGoodConfig, &p.lastGood),
		open(ctx, a, z, topics.ZedAgentStatus, &p.status),
		open(ctx, a, z, topics.PhysicalIOAdapter, &p.adapters),
		open(ctx, a, z, topics.VLANAdapter, &p.vlans),
		open(ctx, a, z, topics.BondAdapter, &p.bonds),
		open(ctx, a, z, topics.NetworkPortConfig, &p.ports),
		open(ctx, a, z, topics.NetworkXObjectConfig, &p.networks),
		open(ctx, a, z, topics.NetworkInstanceConfig, &p.instances),
		open(ctx, a, z, topics.AppInstanceConfig, &p.apps),
		open(ctx, a, z, topics.VolumeConfig, &p.volumes),
		open(ctx, a, z, topics.ContentTreeConfig, &p.contentTrees),
		open(ctx, a, z, topics.DatastoreConfig, &p.datastores),
		open(ctx, a, z, topics.ConfigItem, &p.configItems),
	)
}

func open[T any](ctx context.Context, a *agent.Agent, z *Agent, table agent.Table[T], pub **agent.Publication[T]) error {
	opened, err := wanted.Open(ctx, a, table, z.log)
	*pub = opened
	return err
}
