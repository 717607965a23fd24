package zedmanager

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/agents/converge"
	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/agents/wanted"
	"github.com/evenkv/nkv/pkg/agent"
)

// publishTimeout is how long the agent waits for the server to acknowledge what
// it publishes at once. The publications send the rest when they can.
const publishTimeout = 5 * time.Second

// Options configure the agent.
type Options struct {
	// Boot is when the device was started; start delays count from it. The zero
	// value: long ago, so that no delay is left.
	Boot time.Time
	// Logger gets what people should know; required. Values are never logged.
	Logger logrus.FieldLogger
}

// Agent puts applications together. It belongs to the event loop of its
// agent.Agent.
type Agent struct {
	log     logrus.FieldLogger
	agent   *agent.Agent
	loop    *converge.Loop
	boot    time.Time // when the device was started
	facts   facts
	volumes *converge.Table[types.VolumeStatus]
	domains *converge.Table[types.DomainStatus]

	requests *agent.Publication[types.DomainConfig]
	statuses *agent.Publication[types.AppInstanceStatus]
	uses     *agent.Publication[types.VolumeUse]
	began    wanted.Restart
	delay    func() // stops the timer of the next start delay; nil: none runs
}

// Run manages applications until ctx is done, with an agent that was connected
// under the name "zedmanager"; then it returns nil and the agent is closed. It
// waits for the server, and for another zedmanager to leave. Nothing is asked for
// before zedagent has told that its tables are complete, and nothing is given up
// before domainmgr has.
func Run(ctx context.Context, a *agent.Agent, opts Options) error {
	defer a.Close()
	if opts.Logger == nil {
		return fmt.Errorf("%w: Logger is nil", ErrInvalidOption)
	}
	m := &Agent{log: opts.Logger, agent: a, boot: opts.Boot}
	m.loop = converge.New(a, "put applications together", m.converge)
	if err := m.open(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // told to end while waiting
		}
		return err
	}
	if err := m.follow(ctx); err != nil {
		return err
	}
	return a.Run(ctx)
}

// open becomes the owner of the agent's tables.
func (m *Agent) open(ctx context.Context) error {
	var errs [3]error
	m.uses, errs[0] = wanted.Open(ctx, m.agent, topics.VolumeUse, m.log)
	m.requests, errs[1] = wanted.Open(ctx, m.agent, topics.DomainConfig, m.log)
	m.statuses, errs[2] = wanted.Open(ctx, m.agent, topics.AppInstanceStatus, m.log)
	return errors.Join(errs[:]...)
}

func (m *Agent) follow(ctx context.Context) error {
	f := &m.facts
	var errs [7]error
	f.apps, errs[0] = converge.Follow(ctx, m.loop, topics.AppInstanceConfig)
	f.instances, errs[1] = converge.Follow(ctx, m.loop, topics.NetworkInstanceConfig)
	f.ports, errs[2] = converge.Follow(ctx, m.loop, topics.NetworkPortConfig)
	m.volumes, errs[3] = converge.FollowOptional(ctx, m.loop, topics.VolumeStatus)
	m.domains, errs[4] = converge.FollowOptional(ctx, m.loop, topics.DomainStatus)
	f.volumeConfig, errs[6] = converge.Follow(ctx, m.loop, topics.VolumeConfig)
	portStatus, err := converge.FollowOptional(ctx, m.loop, topics.NetworkPortStatus)
	errs[5] = err
	f.volumes, f.domains, f.portStatus = m.volumes.Values, m.domains.Values, portStatus.Values
	return errors.Join(errs[:]...)
}

// converge publishes what should be.
func (m *Agent) converge(parent context.Context) {
	f := &m.facts
	f.now = time.Now().UTC().Round(0)
	f.volumesTold, f.domainsTold = m.volumes.Complete(), m.domains.Complete()
	f.up = time.Since(m.boot)
	if f.requests == nil {
		f.requests = maps.Collect(m.requests.All())
		f.statuses = maps.Collect(m.statuses.All())
		f.uses = maps.Collect(m.uses.All())
	}
	p := f.plan()
	m.publish(parent, p)
	f.requests, f.statuses, f.uses = p.requests, p.statuses, p.uses
	m.wake(p.next)
}

// publish holds volumes before it asks for what uses them, and lets go of them
// after that.
func (m *Agent) publish(parent context.Context, p plan) {
	ctx, cancel := context.WithTimeout(parent, publishTimeout)
	defer cancel()
	var r wanted.Result
	wanted.Put(ctx, m.uses, wanted.Changed(m.facts.uses, p.uses), &r)
	wanted.Put(ctx, m.requests, wanted.Changed(m.facts.requests, p.requests), &r)
	wanted.Put(ctx, m.statuses, wanted.Changed(m.facts.statuses, p.statuses), &r)
	wanted.Prune(ctx, m.requests, p.requests, &r)
	wanted.Prune(ctx, m.statuses, p.statuses, &r)
	wanted.Prune(ctx, m.uses, p.uses, &r)
	for _, err := range r.Refused {
		m.log.WithError(err).Error("a request or a status is not published")
	}
	m.began.Tell(ctx, m.log, m.uses, m.requests, m.statuses)
}

// wake looks again when a start delay is over.
func (m *Agent) wake(in time.Duration) {
	if m.delay != nil {
		m.delay()
		m.delay = nil
	}
	if in > 0 {
		m.delay = m.agent.After("start delay", in, func(context.Context) { m.loop.Soon() })
	}
}
