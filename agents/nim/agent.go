package nim

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/agents/nim/netif"
	"github.com/evenkv/nkv/agents/topics"
	"github.com/evenkv/nkv/agents/types"
	"github.com/evenkv/nkv/agents/wanted"
	"github.com/evenkv/nkv/pkg/agent"
)

// publishTimeout is how long the agent waits for the server to acknowledge a
// new status as a whole. What it has not acknowledged by then the publications
// send when they can.
const publishTimeout = 5 * time.Second

// Options configure the agent.
type Options struct {
	// Interfaces tells which interfaces there are; required. Run closes it.
	Interfaces netif.Source
	// Logger gets what people should know; required. Values are never logged.
	Logger logrus.FieldLogger
}

// Agent compares ports and interfaces. It belongs to the event loop of its
// agent.Agent.
type Agent struct {
	log    logrus.FieldLogger
	agent  *agent.Agent
	source netif.Source
	want   Wanted
	there  []types.HostInterface
	known  bool  // there was found by a look; until then it says nothing
	looks  int   // at the interfaces so far
	looked error // of the last look

	unsynchronized int  // tables that were not read completely yet
	due            bool // a comparison is in the event loop's queue
	began          bool // the owner's restart was told

	ports  *agent.Publication[types.NetworkPortStatus]
	device *agent.Publication[types.DeviceNetworkStatus]
}

// Run publishes the network's status until ctx is done, with an agent that was
// connected under the name "nim"; then it returns nil and the agent is closed.
// It waits for the server, and for another nim to leave. Nothing is published
// before zedagent's tables were read completely and the interfaces were looked
// at: what a former nim published stands until then.
func Run(ctx context.Context, a *agent.Agent, opts Options) error {
	switch {
	case opts.Interfaces == nil:
		return fmt.Errorf("%w: Interfaces is nil", ErrInvalidOption)
	case opts.Logger == nil:
		return fmt.Errorf("%w: Logger is nil", ErrInvalidOption)
	}
	defer opts.Interfaces.Close()
	defer a.Close()
	n := &Agent{log: opts.Logger, agent: a, source: opts.Interfaces}
	var errPorts, errDevice error
	n.ports, errPorts = wanted.Open(ctx, a, topics.NetworkPortStatus, n.log)
	n.device, errDevice = wanted.Open(ctx, a, topics.DeviceNetworkStatus, n.log)
	if err := errors.Join(errPorts, errDevice); err != nil {
		if ctx.Err() != nil {
			return nil // told to end while waiting
		}
		return err
	}
	err := errors.Join(
		follow(ctx, n, topics.NetworkPortConfig, &n.want.Ports),
		follow(ctx, n, topics.PhysicalIOAdapter, &n.want.Adapters),
		follow(ctx, n, topics.VLANAdapter, &n.want.VLANs),
		follow(ctx, n, topics.BondAdapter, &n.want.Bonds),
		agent.On(a, "interfaces", n.source.Changes(), func(context.Context, struct{}) { n.look() }),
	)
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

// follow keeps a map equal to a table.
func follow[T any](ctx context.Context, n *Agent, table agent.Table[T], into *map[string]T) error {
	values := map[string]T{}
	*into = values
	n.unsynchronized++
	_, err := agent.Subscribe(ctx, n.agent, table, agent.Handlers[T]{
		Create: func(_ context.Context, key string, v T) error {
			values[key] = v
			return n.compareSoon()
		},
		Modify: func(_ context.Context, key string, v, _ T) error {
			values[key] = v
			return n.compareSoon()
		},
		Delete: func(_ context.Context, key string, _ T) error {
			delete(values, key)
			return n.compareSoon()
		},
		Synchronized: func(context.Context) {
			n.unsynchronized--
			if err := n.compareSoon(); err != nil {
				n.log.WithError(err).Error("the network's status is not compared")
			}
		},
	})
	return err
}

// look takes the interfaces that there are now. When they can't be listed,
// those that were there before stand, and the status says why.
func (n *Agent) look() {
	there, err := n.source.Interfaces()
	n.looks++
	if err == nil {
		n.there, n.known = there, true
	} else {
		n.log.WithError(err).Warn("the interfaces can't be listed; those before stand")
	}
	n.looked = err
	if err := n.compareSoon(); err != nil {
		n.log.WithError(err).Error("the network's status is not compared")
	}
}

// compareSoon has both sides compared as the next thing in the event loop.
// Changes that come together lead to one comparison.
func (n *Agent) compareSoon() error {
	if n.due {
		return nil
	}
	err := n.agent.Do("compare ports and interfaces", n.compare)
	n.due = err == nil
	return err
}

// compare publishes how both sides stand, when both are known. As long as the
// interfaces could not be listed at all, only that is said, and what a former
// nim found of the ports stands.
func (n *Agent) compare(parent context.Context) {
	n.due = false
	if n.unsynchronized > 0 || n.looks == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(parent, publishTimeout)
	defer cancel()
	var r wanted.Result
	ports, device := Compare(n.want, n.there)
	if n.known {
		wanted.Put(ctx, n.ports, ports, &r)
		wanted.Prune(ctx, n.ports, ports, &r)
	} else {
		device = types.DeviceNetworkStatus{Wanted: len(n.want.Ports)}
	}
	device.Source = n.source.Name()
	if n.looked != nil {
		device.Error = n.looked.Error()
	}
	wanted.Put(ctx, n.device, map[string]types.DeviceNetworkStatus{types.StatusKey: device}, &r)
	n.tell(device, r)
	if n.began {
		return
	}
	n.began = true
	if err := errors.Join(n.ports.Restarted(ctx), n.device.Restarted(ctx)); err != nil && parent.Err() == nil {
		n.log.WithError(err).Warn("the readers are not told of the agent's start yet")
	}
}

// tell logs what was done.
func (n *Agent) tell(device types.DeviceNetworkStatus, r wanted.Result) {
	for _, err := range r.Refused {
		n.log.WithError(err).Error("a status is not published")
	}
	if r.Put+r.Deleted == 0 {
		return
	}
	n.log.WithFields(logrus.Fields{
		"wanted": device.Wanted, "present": device.Present, "up": device.Up,
		"published": r.Put, "unpublished": r.Deleted, "pending": r.Pending,
	}).Info("the network changed")
}
