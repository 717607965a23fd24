package nim

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/evenkv/nkv/agents/converge"
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
	source netif.Source
	want   Wanted
	there  []types.HostInterface
	known  bool  // there was found by a look; until then it says nothing
	looks  int   // at the interfaces so far
	looked error // of the last look

	loop   *converge.Loop // calls compare
	ports  *agent.Publication[types.NetworkPortStatus]
	device *agent.Publication[types.DeviceNetworkStatus]
	began  wanted.Restart
}

// Run publishes the network's status until ctx is done, with an agent that was
// connected under the name "nim"; then it returns nil and the agent is closed.
// It waits for the server, and for another nim to leave. Nothing is published
// before zedagent has told that its tables are complete and the interfaces were
// looked at: what a former nim published stands until then.
func Run(ctx context.Context, a *agent.Agent, opts Options) error {
	switch {
	case opts.Interfaces == nil:
		return fmt.Errorf("%w: Interfaces is nil", ErrInvalidOption)
	case opts.Logger == nil:
		return fmt.Errorf("%w: Logger is nil", ErrInvalidOption)
	}
	defer opts.Interfaces.Close()
	defer a.Close()
	n := &Agent{log: opts.Logger, source: opts.Interfaces}
	n.loop = converge.New(a, "compare ports and interfaces", n.compare)
	var errPorts, errDevice error
	n.ports, errPorts = wanted.Open(ctx, a, topics.NetworkPortStatus, n.log)
	n.device, errDevice = wanted.Open(ctx, a, topics.DeviceNetworkStatus, n.log)
	if err := errors.Join(errPorts, errDevice); err != nil {
		if ctx.Err() != nil {
			return nil // told to end while waiting
		}
		return err
	}
	var errs [5]error
	n.want.Ports, errs[0] = converge.Follow(ctx, n.loop, topics.NetworkPortConfig)
	n.want.Adapters, errs[1] = converge.Follow(ctx, n.loop, topics.PhysicalIOAdapter)
	n.want.VLANs, errs[2] = converge.Follow(ctx, n.loop, topics.VLANAdapter)
	n.want.Bonds, errs[3] = converge.Follow(ctx, n.loop, topics.BondAdapter)
	errs[4] = agent.On(a, "interfaces", n.source.Changes(), func(context.Context, struct{}) { n.look() })
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	return a.Run(ctx)
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
	n.loop.Soon()
}

// compare publishes how both sides stand, when both are known. As long as the
// interfaces could not be listed at all, only that is said, and what a former
// nim found of the ports stands.
func (n *Agent) compare(parent context.Context) {
	if n.looks == 0 {
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
	n.began.Tell(ctx, n.log, n.ports, n.device)
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
